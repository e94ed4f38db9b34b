// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PowerloomDataMarket} from "../src/DataMarket.sol";
import {PowerloomProtocolState} from "../src/ProtocolState.sol";
import {IDataMarket} from "../src/interfaces/IDataMarket.sol";
import {MarketDeskEvents} from "../src/market/MarketDeskEvents.sol";
import {ProtocolStateEvents} from "../src/state/ProtocolStateEvents.sol";
import {Outsiders} from "./Outsiders.sol";
import {Vm} from "./Vm.sol";

/// @dev Sequencer, validators and market owner at work, in any order, with books of their own: each call is foretold
/// from the books, then made, and has to end as foretold, with the events that belong to it and no others.
contract Votes {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    struct Staff {
        address marketOwner;
        address manager;
        address sequencer;
    }

    struct Batch {
        uint256 epoch;
        uint256 name;
        uint256 root;
        uint256 time;
        bool isFinal;
        bool isRefuted;
        // Of the epoch's rounds; 0 is the first sending.
        uint256 round;
        bytes32 content;
    }

    /// @dev What the chain announced as final.
    struct Seal {
        uint256 events;
        string cid;
        uint256 time;
    }

    /// @dev What happened, so that a campaign in which nothing happens is seen.
    struct Tally {
        uint256 finals;
        uint256 refuted;
        uint256 replaced;
        uint256 divergent;
        uint256 ties;
        uint256 late;
        uint256 forced;
        uint256 contested;
        uint256 rounds;
        uint256 removed;
    }

    uint256 public constant VALIDATORS = 6;
    uint256 public constant PROJECTS = 4;
    uint256 public constant NAMES = 3;
    uint256 public constant ROOTS = 3;
    uint256 private constant BATCH_WINDOW = 20;
    uint256 private constant ATTESTATION_WINDOW = 30;
    uint256 private constant ROUNDS_MAX = 3;

    PowerloomProtocolState private immutable state;
    PowerloomDataMarket private immutable market;
    Outsiders private immutable outsiders;
    Staff private staff;

    uint256 public epochs;
    // When each round of an epoch began; round 0 with the release.
    mapping(uint256 epoch => uint256[]) private begun;
    mapping(uint256 epoch => bool) private ended;
    // Batches from 1 on, and which of them a CID means: in an epoch, and without one.
    Batch[] private batches;
    mapping(uint256 epoch => mapping(uint256 name => uint256)) private current;
    mapping(uint256 name => uint256) public newest;
    // The batch that holds a project in an epoch, and what it says.
    mapping(uint256 epoch => mapping(uint256 project => uint256)) private holder;
    mapping(uint256 epoch => mapping(uint256 project => string)) private said;
    mapping(uint256 batch => mapping(uint256 root => uint256)) public votes;
    mapping(uint256 batch => mapping(uint256 validator => bool)) public voted;
    // The root that a vote in time was for.
    mapping(uint256 batch => mapping(uint256 validator => uint256)) private choice;
    mapping(uint256 validator => bool) public isValidator;
    uint256 private validators;
    uint256 private minimum = 2;
    mapping(uint256 epoch => mapping(uint256 project => Seal)) private seals;
    Tally private tally_;

    constructor(PowerloomProtocolState state_, PowerloomDataMarket market_, Outsiders outsiders_, Staff memory staff_) {
        (state, market, outsiders, staff) = (state_, market_, outsiders_, staff_);
        batches.push();
    }

    function tally() external view returns (Tally memory) {
        return tally_;
    }

    function batch(uint256 i) external view returns (Batch memory) {
        return batches[i];
    }

    function seal(uint256 epoch, uint256 i) external view returns (Seal memory) {
        return seals[epoch][i];
    }

    function project(uint256 i) public pure returns (string memory) {
        return string.concat("project", vm.toString(i));
    }

    function cidOf(uint256 name) public pure returns (string memory) {
        return string.concat("batch", vm.toString(name));
    }

    function validator(uint256 i) public pure returns (address) {
        return address(uint160(0x1000 + i));
    }

    // ------------------------------------------------------------ what anyone may do

    /// @dev A new epoch, nearly always when the last one takes no batches any more.
    function release(uint8 seed) external {
        if (epochs != 0 && !_isLate(epochs, _round(epochs), BATCH_WINDOW) && seed % 4 != 3) return;
        _release();
    }

    /// @dev A few blocks, or a whole attestation window.
    function pass(uint8 seed) external {
        _pass(seed % 8 == 7 ? ATTESTATION_WINDOW : seed % 8);
    }

    function setValidator(uint8 seed, bool allowed) external {
        _setValidator(seed % VALIDATORS, allowed);
    }

    /// @dev One who agreed is removed before the others agree, and comes back.
    function leave(uint8 seed, uint64 cid) external {
        _release();
        _submit(epochs, 0, 15, cid, 1);
        uint256 leaver = seed % VALIDATORS;
        _setValidator(leaver, true);
        _vote(epochs, 0, leaver, 1);
        _setValidator(leaver, false);
        for (uint256 v = 0; v < VALIDATORS; ++v) {
            if (isValidator[v]) _vote(epochs, 0, v, seed % 5 == 0 ? 2 : 1);
        }
        _setValidator(leaver, true);
    }

    function _setValidator(uint256 i, bool allowed) private {
        address[] memory accounts = new address[](1);
        bool[] memory states = new bool[](1);
        (accounts[0], states[0]) = (validator(i), allowed);
        vm.prank(staff.marketOwner);
        state.updateAddresses(address(market), IDataMarket.Role.VALIDATOR, accounts, states);
        if (allowed && !isValidator[i]) ++validators;
        if (!allowed && isValidator[i]) --validators;
        isValidator[i] = allowed;
    }

    function setMinimum(uint8 seed) external {
        minimum = 1 + seed % 3;
        vm.prank(staff.marketOwner);
        state.updateMinAttestationsForConsensus(address(market), minimum);
    }

    function end(uint8 seed) external {
        // Seldom, as nothing can be sent afterwards.
        if (seed % 16 != 15) return;
        uint256 epoch = _recent(seed / 16);
        vm.prank(staff.sequencer);
        (bool ok,) = address(state).call(abi.encodeCall(state.endBatchSubmissions, (address(market), epoch)));
        vm.assertEq(ok, !ended[epoch], "end");
        ended[epoch] = true;
    }

    function submit(uint8 epochSeed, uint8 nameSeed, uint8 projects, uint64 cid, uint8 rootSeed) external {
        (uint256 epoch, uint256 name) = (_recent(epochSeed), nameSeed % NAMES);
        // Mostly what is free: the rest is refused, which is soon seen.
        if (cid % 4 != 0) {
            (name, projects) = (_freeName(epoch, name), uint8(_freeProjects(epoch, projects)));
        }
        _submit(epoch, name, projects, cid, rootSeed % 4 == 0 ? 2 : 1);
    }

    /// @dev Any root, by anyone who ever was a validator or never.
    function vote(uint8 epochSeed, uint8 nameSeed, uint8 validatorSeed, uint8 rootSeed) external {
        _vote(_recent(epochSeed), nameSeed % NAMES, validatorSeed % VALIDATORS, rootSeed % ROOTS + 1);
    }

    /// @dev Some more validators vote on one of the newest batches, for its root but for the first of them at times …
    function agree(uint8 which, uint8 more, bool dissent) external {
        for (uint256 i = 0; i <= more % 4; ++i) {
            _voteNext(which, i == 0 && dissent ? 1 : 0);
        }
    }

    /// @dev … or one votes for another root.
    function disagree(uint8 which) external {
        _voteNext(which, 1);
    }

    /// @dev One of the newer batches, or one that may not be.
    function force(uint8 which, uint8 seed) external {
        if (batches.length == 1) return;
        Batch storage target = _newest(which, 8);
        (uint256 epoch, uint256 name) = (target.epoch, seed % 16 == 15 ? (target.name + 1) % NAMES : target.name);
        // Before its time it only refutes, which disagreement does too.
        if (!_isLate(epoch, target.round, ATTESTATION_WINDOW) && seed % 16 < 12) return;
        _force(epoch, name);
    }

    /// @dev A batch is to be sent again, another takes some of its projects over, and then votes decide on both.
    function contest(uint8 seed, uint64 cid, bool dissent) external {
        _release();
        uint256 again = seed % 2;
        _submit(epochs, 0, seed / 2 | 1, cid, 1);
        _force(epochs, 0);
        // Under the same name it says the same, or is refused.
        if (again == 0 && seed % 4 == 0) _submit(epochs, 0, seed / 2 | 1, cid, 1);
        else _submit(epochs, again, seed / 16 | 1, cid ^ 1, 1);
        for (uint256 v = 0; v < VALIDATORS; ++v) {
            if (!isValidator[v]) continue;
            _vote(epochs, 0, v, dissent ? 2 : 1);
            if (again != 0) _vote(epochs, again, v, 1);
            // The first of them alone.
            dissent = false;
        }
    }

    /// @dev Too few votes in time, some late, and completion by force.
    function expire(uint8 seed, uint64 cid) external {
        _release();
        _submit(epochs, 0, 15, cid, 1);
        for (uint256 v = 0; v < VALIDATORS; ++v) {
            if (v == seed % VALIDATORS) _pass(ATTESTATION_WINDOW + 1);
            if (isValidator[v]) _vote(epochs, 0, v, seed % 3 == 0 && v == 0 ? 2 : 1);
        }
        _force(epochs, 0);
    }

    function trespass(uint8 who, uint8 part) external {
        outsiders.trespass(Outsiders.Role(who % outsiders.ACTORS()), part % outsiders.PARTS());
    }

    // ------------------------------------------------------------ each call as it was foretold

    function _release() private {
        (, uint256 end_,) = market.currentEpoch();
        vm.prank(staff.manager);
        state.releaseEpoch(address(market), end_ + 1, end_ + 10);
        begun[++epochs].push(block.number);
    }

    function _pass(uint256 blocks) private {
        vm.roll(block.number + blocks);
        vm.warp(block.timestamp + 2 * blocks + 1);
    }

    function _submit(uint256 epoch, uint256 name, uint256 projects, uint64 cid, uint256 root) private {
        bool stored = !_isLate(epoch, _round(epoch), BATCH_WINDOW);
        bool allowed = !stored || _isFree(epoch, name, projects, cid);
        bytes memory call = _batchCall(epoch, name, projects, cid, root);
        vm.prank(staff.sequencer);
        (bool ok,) = address(state).call(call);
        vm.assertEq(ok, allowed, "submit");
        if (ok && stored) {
            bytes32 content = _content(projects, cid);
            _enter(Batch(epoch, name, root, block.timestamp, false, false, _round(epoch), content), projects, cid);
        }
        _compare(epoch);
    }

    function _batchCall(uint256 epoch, uint256 name, uint256 projects, uint64 cid, uint256 root)
        private
        view
        returns (bytes memory)
    {
        (string[] memory names, string[] memory cids) = _entries(projects, cid);
        return
            abi.encodeCall(
                state.submitSubmissionBatch, (address(market), cidOf(name), epoch, names, cids, bytes32(root))
            );
    }

    function _force(uint256 epoch, uint256 name) private {
        uint256 i = current[epoch][name];
        bytes memory call =
            abi.encodeCall(state.forceCompleteConsensusAttestations, (address(market), cidOf(name), epoch));
        vm.recordLogs();
        vm.prank(staff.marketOwner);
        (bool ok,) = address(state).call(call);
        vm.assertEq(ok, i != 0, "force");
        if (!ok) return;
        if (batches[i].isFinal) return _checkLogs(i, false, false);
        bool wins = _isLate(epoch, batches[i].round, ATTESTATION_WINDOW) && votes[i][_most(i)] >= minimum
            && _leader(i) == batches[i].root;
        if (wins) ++tally_.forced;
        _settle(i, wins);
        _compare(epoch);
    }

    function _voteNext(uint256 which, uint256 shift) private {
        if (batches.length == 1) return;
        Batch storage target = _newest(which, 3);
        uint256 i = current[target.epoch][target.name];
        for (uint256 v = 0; v < VALIDATORS; ++v) {
            if (!isValidator[v] || voted[i][v]) continue;
            return _vote(target.epoch, target.name, v, (batches[i].root - 1 + shift) % ROOTS + 1);
        }
    }

    function _vote(uint256 epoch, uint256 name, uint256 v, uint256 root) private {
        uint256 i = current[epoch][name];
        string memory reason = !isValidator[v] ? "E01" : i == 0 ? "E26" : voted[i][v] ? "E40" : "";
        bytes memory call =
            abi.encodeCall(state.submitBatchAttestation, (address(market), cidOf(name), epoch, bytes32(root)));
        vm.recordLogs();
        vm.prank(validator(v));
        (bool ok, bytes memory answer) = address(state).call(call);
        vm.assertEq(ok, bytes(reason).length == 0, "vote");
        if (!ok) {
            vm.assertEq(answer, abi.encodeWithSignature("Error(string)", reason));
            return;
        }
        voted[i][v] = true;
        if (_enterVote(i, v, root)) _settle(i, root == batches[i].root);
        else _checkLogs(i, false, false);
        _compare(epoch);
    }

    /// @dev Whether the vote decides about the batch.
    function _enterVote(uint256 i, uint256 v, uint256 root) private returns (bool) {
        if (_isLate(batches[i].epoch, batches[i].round, ATTESTATION_WINDOW)) {
            ++tally_.late;
            return false;
        }
        (choice[i][v], votes[i][root]) = (root, votes[i][root] + 1);
        if (_leader(i) == 0) ++tally_.ties;
        // Who was removed makes nothing final.
        uint256 count = root == batches[i].root ? _agreeing(i) : votes[i][root];
        if (count != votes[i][root]) ++tally_.removed;
        return 2 * count > validators && count >= minimum && !batches[i].isFinal;
    }

    // ------------------------------------------------------------ the books

    /// @dev The last epoch or, sometimes, the one before, so that something happens in them.
    function _recent(uint256 seed) private view returns (uint256) {
        return epochs > 1 && seed % 4 == 3 ? epochs - 1 : epochs;
    }

    /// @dev The last round that was opened.
    function _round(uint256 epoch) private view returns (uint256) {
        return begun[epoch].length - 1;
    }

    function _isLate(uint256 epoch, uint256 round, uint256 window) private view returns (bool) {
        return block.number > begun[epoch][round] + window;
    }

    /// @dev Votes in time for the batch's root, of those who are validators now.
    function _agreeing(uint256 i) private view returns (uint256 count) {
        for (uint256 v = 0; v < VALIDATORS; ++v) {
            if (isValidator[v] && choice[i][v] == batches[i].root) ++count;
        }
    }

    /// @dev What has to be sent again opens the round after its own, or moves the last one.
    function _openRound(uint256 epoch, uint256 round) private {
        uint256[] storage rounds = begun[epoch];
        bool isOver = block.number > rounds[0] + (ROUNDS_MAX + 1) * ATTESTATION_WINDOW;
        if (round == ROUNDS_MAX || isOver) return;
        ++tally_.rounds;
        if (round + 1 == rounds.length) rounds.push(block.number);
        else rounds[rounds.length - 1] = block.number;
    }

    /// @dev Whether another batch may stand in the place of this one; true when there is none.
    function _mayReplace(uint256 i) private view returns (bool) {
        return i == 0 || (batches[i].isRefuted && !batches[i].isFinal);
    }

    function _freeName(uint256 epoch, uint256 name) private view returns (uint256) {
        for (uint256 i = 0; i < NAMES; ++i) {
            if (_mayReplace(current[epoch][(name + i) % NAMES])) return (name + i) % NAMES;
        }
        return name;
    }

    /// @dev Those of the projects that are free, or all that are.
    function _freeProjects(uint256 epoch, uint256 projects) private view returns (uint256) {
        uint256 free = 0;
        for (uint256 i = 0; i < PROJECTS; ++i) {
            if (_mayReplace(holder[epoch][i])) free |= 1 << i;
        }
        return projects & free != 0 ? projects & free : free;
    }

    /// @dev Every seventh CID is empty.
    function _cid(uint64 cid, uint256 i) private pure returns (string memory) {
        return (cid + i) % 7 == 0 ? "" : vm.toString(uint256(cid) + i);
    }

    function _entries(uint256 projects, uint64 cid) private pure returns (string[] memory names, string[] memory cids) {
        uint256 count = 0;
        for (uint256 i = 0; i < PROJECTS; ++i) {
            count += projects >> i & 1;
        }
        (names, cids) = (new string[](count), new string[](count));
        for (uint256 i = 0; i < PROJECTS; ++i) {
            if (projects >> i & 1 == 0) continue;
            (names[--count], cids[count]) = (project(i), _cid(cid, i));
        }
    }

    function _content(uint256 projects, uint64 cid) private pure returns (bytes32) {
        (string[] memory names, string[] memory cids) = _entries(projects, cid);
        return keccak256(abi.encode(names, cids));
    }

    function _isFree(uint256 epoch, uint256 name, uint256 projects, uint64 cid) private view returns (bool) {
        uint256 known = current[epoch][name];
        if (ended[epoch] && _round(epoch) == 0) return false;
        if (projects % (1 << PROJECTS) == 0 || !_mayReplace(known)) return false;
        if (known != 0 && batches[known].content != _content(projects, cid)) return false;
        for (uint256 i = 0; i < PROJECTS; ++i) {
            bool claims = projects >> i & 1 != 0 && bytes(_cid(cid, i)).length != 0;
            if (claims && !_mayReplace(holder[epoch][i])) return false;
        }
        return true;
    }

    function _enter(Batch memory entered, uint256 projects, uint64 cid) private {
        batches.push(entered);
        uint256 number = batches.length - 1;
        (current[entered.epoch][entered.name], newest[entered.name]) = (number, number);
        for (uint256 i = 0; i < PROJECTS; ++i) {
            string memory text = _cid(cid, i);
            if (projects >> i & 1 == 0 || bytes(text).length == 0) continue;
            if (holder[entered.epoch][i] != 0) ++tally_.replaced;
            (holder[entered.epoch][i], said[entered.epoch][i]) = (number, text);
        }
    }

    /// @dev One of so many that came last.
    function _newest(uint256 which, uint256 among) private view returns (Batch storage) {
        uint256 count = batches.length - 1;
        return batches[count - which % (count < among ? count : among)];
    }

    function _most(uint256 i) private view returns (uint256 root) {
        root = 1;
        for (uint256 r = 2; r <= ROOTS; ++r) {
            if (votes[i][r] > votes[i][root]) root = r;
        }
    }

    /// @dev The root with more votes than each other; 0 when there is none.
    function _leader(uint256 i) private view returns (uint256) {
        uint256 most = _most(i);
        if (votes[i][most] == 0) return 0;
        for (uint256 r = 1; r <= ROOTS; ++r) {
            if (r != most && votes[i][r] == votes[i][most]) return 0;
        }
        return most;
    }

    function _divergent(uint256 i) private view returns (uint256 count) {
        for (uint256 r = 1; r <= ROOTS; ++r) {
            if (r != batches[i].root) count += votes[i][r];
        }
    }

    function _settle(uint256 i, bool wins) private {
        Batch storage settled = batches[i];
        if (wins) {
            (settled.isFinal, settled.time) = (true, block.timestamp);
            ++tally_.finals;
            if (settled.isRefuted) ++tally_.contested;
            tally_.divergent += _divergent(i);
        } else if (!settled.isRefuted) {
            settled.isRefuted = true;
            _openRound(settled.epoch, settled.round);
            ++tally_.refuted;
            return _checkLogs(i, false, true);
        }
        _checkLogs(i, wins, false);
    }

    // ------------------------------------------------------------ the books against the chain

    /// @dev Market and protocol state told the same, and told it of a batch that became final or has to be sent again.
    function _checkLogs(uint256 i, bool isFinal, bool isRefuted) private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 held = 0;
        for (uint256 p = 0; p < PROJECTS; ++p) {
            if (holder[batches[i].epoch][p] == i) ++held;
        }
        uint256 divergent = isFinal ? _divergent(i) : 0;
        _told(
            logs,
            ProtocolStateEvents.SnapshotFinalized.selector,
            MarketDeskEvents.SnapshotFinalized.selector,
            isFinal ? held : 0
        );
        _told(
            logs,
            ProtocolStateEvents.SnapshotBatchFinalized.selector,
            MarketDeskEvents.SnapshotBatchFinalized.selector,
            isFinal ? 1 : 0
        );
        _told(
            logs,
            ProtocolStateEvents.TriggerBatchResubmission.selector,
            MarketDeskEvents.TriggerBatchResubmission.selector,
            isRefuted ? 1 : 0
        );
        _told(
            logs,
            ProtocolStateEvents.ValidatorAttestationsInvalidated.selector,
            MarketDeskEvents.ValidatorAttestationsInvalidated.selector,
            divergent
        );
    }

    function _told(Vm.Log[] memory logs, bytes32 byState, bytes32 byMarket, uint256 times) private {
        uint256[2] memory count;
        for (uint256 k = 0; k < logs.length; ++k) {
            Vm.Log memory log = logs[k];
            if (log.emitter == address(market) && log.topics[0] == byMarket) ++count[0];
            if (log.emitter != address(state) || log.topics[0] != byState) continue;
            ++count[1];
            if (byState == ProtocolStateEvents.SnapshotFinalized.selector) _seal(log);
        }
        vm.assertEq(count[0], times, "told by the market");
        vm.assertEq(count[1], times, "told by the protocol state");
    }

    function _seal(Vm.Log memory log) private {
        (, string memory name, string memory cid, uint256 time) =
            abi.decode(log.data, (uint256, string, string, uint256));
        for (uint256 p = 0; p < PROJECTS; ++p) {
            if (keccak256(bytes(name)) != keccak256(bytes(project(p)))) continue;
            Seal storage sealed_ = seals[uint256(log.topics[2])][p];
            vm.assertEq(++sealed_.events, 1, "a snapshot became final twice");
            (sealed_.cid, sealed_.time) = (cid, time);
        }
    }

    /// @dev Each project of an epoch is what the batch that holds it says.
    function _compare(uint256 epoch) private view {
        for (uint256 p = 0; p < PROJECTS; ++p) {
            (uint8 status, string memory cid, uint256 time) = market.snapshotStatus(project(p), epoch);
            Batch storage held = batches[holder[epoch][p]];
            vm.assertEq(status, held.isFinal ? 1 : 0, "status");
            vm.assertEq(cid, said[epoch][p], "CID");
            vm.assertEq(time, held.time, "time");
        }
    }
}
