// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataMarket} from "../src/interfaces/IDataMarket.sol";
import {MarketDeskEvents} from "../src/market/MarketDeskEvents.sol";
import {ProtocolStateEvents} from "../src/state/ProtocolStateEvents.sol";
import {Base} from "./Base.sol";
import {Vm} from "./Vm.sol";

/// @dev How a disagreement ends, whose votes make a batch final, and for what they were cast.
contract FinalityTest is Base {
    uint256 private constant BATCH_WINDOW = 20;
    uint256 private constant ATTESTATION_WINDOW = 30;

    uint256 private epoch;

    function setUp() public override {
        super.setUp();
        epoch = _release();
        _submitOne("wrong", epoch, "p", "wrong cid");
    }

    function _end() private {
        vm.prank(sequencer);
        state.endBatchSubmissions(address(market), epoch);
    }

    /// @dev Two of three say that another root is right.
    function _refute(string memory batchCid) private {
        _vote(v1, batchCid, epoch, BAD);
        _vote(v2, batchCid, epoch, BAD);
    }

    function _confirm(string memory batchCid) private {
        _vote(v1, batchCid, epoch, GOOD);
        _vote(v2, batchCid, epoch, GOOD);
    }

    function _force(string memory batchCid) private {
        vm.prank(marketOwner);
        state.forceCompleteConsensusAttestations(address(market), batchCid, epoch);
    }

    function _isFinal(string memory batchCid) private view returns (bool) {
        return state.batchCidAttestationStatus(address(market), batchCid);
    }

    /// @dev How many batches of the epoch are stored: a late one is not.
    function _stored() private view returns (uint256) {
        return state.epochIdToBatchCids(address(market), epoch).length;
    }

    // ------------------------------------------------------------ rounds

    function test_aCorrectedBatchIsTakenAfterSubmissionsEnded() public {
        _end();
        vm.prank(sequencer);
        _refuses("E43");
        state.submitSubmissionBatch(address(market), "early", epoch, _list("q"), _list("c"), GOOD);
        _refute("wrong");
        _submitOne("right", epoch, "p", "right cid");
        _confirm("right");
        vm.assertEq(_status("p", epoch), 1);
        vm.assertEq(_cid("p", epoch), "right cid");
    }

    /// @dev A silent sequencer keeps nobody from the right result: in the second half of a round validators may send it.
    function test_aValidatorStandsInForASilentSequencer() public {
        _end();
        _sendsNot(v1, "E04");
        _refute("wrong");
        uint256 begun = block.number;
        vm.roll(begun + BATCH_WINDOW / 2);
        _sendsNot(v1, "E04");
        vm.roll(begun + BATCH_WINDOW / 2 + 1);
        _sendsNot(stranger, "E04");
        vm.prank(v1);
        state.submitSubmissionBatch(address(market), "right", epoch, _list("p"), _list("right cid"), GOOD);
        _confirm("right");
        vm.assertEq(_status("p", epoch), 1);
        vm.assertEq(_cid("p", epoch), "right cid");
    }

    /// @dev It takes over what was refuted, and nothing that is not: neither new projects nor those of batches that stand.
    function test_whoStandsInTakesOverOnlyWhatWasRefuted() public {
        _submitOne("standing", epoch, "q", "c");
        _end();
        _refute("wrong");
        vm.roll(block.number + BATCH_WINDOW / 2 + 1);
        vm.prank(v1);
        _refuses("E25");
        state.submitSubmissionBatch(address(market), "more", epoch, _list("new"), _list("c"), GOOD);
        vm.prank(v1);
        _refuses("E25");
        state.submitSubmissionBatch(address(market), "more", epoch, _list("q"), _list("d"), GOOD);
        vm.prank(v1);
        _refuses("E04");
        state.endBatchSubmissions(address(market), epoch);
        vm.prank(v1);
        state.submitSubmissionBatch(address(market), "right", epoch, _list("p"), _list("right cid"), GOOD);
        _sendsNot(v2, "E25");
    }

    /// @dev Whoever is a validator no more stands in for nobody, and no round is open in an epoch without disagreement.
    function test_onlyPresentValidatorsStandInAndOnlyInARound() public {
        uint256 quiet = _release();
        _submitOne("fine", quiet, "p", "cid");
        _refute("wrong");
        vm.roll(block.number + BATCH_WINDOW / 2 + 1);
        vm.prank(v1);
        _refuses("E04");
        state.submitSubmissionBatch(address(market), "again", quiet, _list("p"), _list("other"), GOOD);
        _setRole(market, IDataMarket.Role.VALIDATOR, v1, false);
        _sendsNot(v1, "E04");
    }

    function _sendsNot(address who, string memory code) private {
        vm.prank(who);
        _refuses(code);
        state.submitSubmissionBatch(address(market), "right", epoch, _list("p"), _list("right cid"), GOOD);
    }

    /// @dev Asked for in the last block in which votes count, it is taken and voted on as the first one was.
    function test_aRoundHasTheWindowsOfAnEpoch() public {
        _end();
        vm.roll(block.number + ATTESTATION_WINDOW);
        _refute("wrong");
        uint256 begun = block.number;
        vm.roll(begun + BATCH_WINDOW);
        _submitOne("right", epoch, "p", "right cid");
        vm.roll(begun + BATCH_WINDOW + 1);
        _submitOne("late", epoch, "q", "c");
        vm.assertEq(_stored(), 2);
        vm.roll(begun + ATTESTATION_WINDOW);
        _vote(v1, "right", epoch, GOOD);
        uint256 inTime = vm.snapshotState();
        _vote(v2, "right", epoch, GOOD);
        vm.assertTrue(_isFinal("right"));
        vm.revertToState(inTime);
        vm.roll(begun + ATTESTATION_WINDOW + 1);
        _vote(v2, "right", epoch, GOOD);
        vm.assertFalse(_isFinal("right"));
        // The first batch has the windows it had.
        vm.recordLogs();
        _vote(v3, "wrong", epoch, GOOD);
        vm.assertEq(
            _count(vm.getRecordedLogs(), address(market), MarketDeskEvents.DelayedAttestationSubmitted.selector), 1
        );
    }

    function test_aBatchIsAskedForOnce() public {
        vm.recordLogs();
        _refute("wrong");
        _vote(v3, "wrong", epoch, BAD);
        _force("wrong");
        vm.roll(block.number + ATTESTATION_WINDOW + 1);
        _force("wrong");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(_count(logs, address(market), MarketDeskEvents.TriggerBatchResubmission.selector), 1);
        vm.assertEq(_count(logs, address(state), ProtocolStateEvents.TriggerBatchResubmission.selector), 1);
    }

    /// @dev Three rounds after the first sending; what is refuted then is not sent again.
    function test_roundsAreBounded() public {
        _end();
        uint256 released = block.number;
        string[5] memory names = ["wrong", "one", "two", "three", "four"];
        for (uint256 i = 0; i < 4; ++i) {
            vm.roll(block.number + ATTESTATION_WINDOW);
            _refute(names[i]);
            if (i == 3) break;
            _submitOne(names[i + 1], epoch, "p", names[i + 1]);
            vm.assertEq(_cid("p", epoch), names[i + 1]);
        }
        vm.assertEq(block.number, released + 4 * ATTESTATION_WINDOW);
        _submitOne(names[4], epoch, "p", "c");
        vm.assertEq(_stored(), 4);
    }

    /// @dev Whatever is refuted in the last round is corrected while that lasts, and moves nothing.
    function test_theLastRoundIsNotBegunAnew() public {
        string[4] memory names = ["wrong", "one", "two", "three"];
        for (uint256 i = 0; i < 3; ++i) {
            _refute(names[i]);
            _submitOne(names[i + 1], epoch, "p", names[i + 1]);
        }
        uint256 begun = block.number;
        vm.roll(begun + BATCH_WINDOW);
        _refute("three");
        _submitOne("four", epoch, "p", "right cid");
        vm.roll(begun + BATCH_WINDOW + 1);
        _submitOne("five", epoch, "q", "c");
        vm.assertEq(_stored(), 5);
        vm.roll(begun + ATTESTATION_WINDOW);
        _confirm("four");
        vm.assertEq(_cid("p", epoch), "right cid");
        vm.assertEq(_status("p", epoch), 1);
    }

    /// @dev Completion by force asks for another batch for as long as rounds may last, and not years later.
    function test_forceOpensNoRoundWhenAllWouldBeOver() public {
        uint256 released = block.number;
        uint256 now_ = vm.snapshotState();
        vm.roll(released + 4 * ATTESTATION_WINDOW);
        _force("wrong");
        _submitOne("right", epoch, "p", "right cid");
        vm.assertEq(_stored(), 2);
        vm.revertToState(now_);
        vm.roll(released + 4 * ATTESTATION_WINDOW + 1);
        _force("wrong");
        _submitOne("right", epoch, "p", "right cid");
        vm.assertEq(_stored(), 1);
    }

    /// @dev Several refuted batches of an epoch share a round, which begins anew with each of them.
    function test_aRoundIsSharedAndBeginsAnew() public {
        _submitOne("other", epoch, "q", "wrong too");
        _end();
        _refute("wrong");
        vm.roll(block.number + ATTESTATION_WINDOW);
        _refute("other");
        _submit("right", epoch, _list("p", "q"), _list("right 1", "right 2"));
        vm.roll(block.number + ATTESTATION_WINDOW);
        _confirm("right");
        vm.assertEq(_status("p", epoch), 1);
        vm.assertEq(_status("q", epoch), 1);
    }

    /// @dev Whatever is refuted when, the last block in which the epoch takes a batch is known when it is released.
    function testFuzz_roundsEndInTime(uint8[24] calldata steps) public {
        uint256 released = block.number;
        uint256 taken = 1;
        uint256 lastTaken = released;
        for (uint256 i = 0; i < steps.length; ++i) {
            vm.roll(block.number + steps[i] % 24);
            string memory name = string.concat("b", vm.toString(i));
            _submitOne(name, epoch, name, "c");
            if (_stored() != taken) {
                ++taken;
                lastTaken = block.number;
            }
            // One of those that are there.
            string memory target = state.epochIdToBatchCids(address(market), epoch)[steps[i] % taken];
            if (state.attestationsReceived(address(market), target, v1)) continue;
            _vote(v1, target, epoch, BAD);
            _vote(v2, target, epoch, BAD);
        }
        vm.assertLe(lastTaken, released + 3 * ATTESTATION_WINDOW + BATCH_WINDOW);
    }

    // ------------------------------------------------------------ names

    function test_anotherContentUnderTheSameNamesIsRefused() public {
        _refute("wrong");
        string[3] memory projects = ["p", "p", "q"];
        string[3] memory cids = ["other cid", "", "wrong cid"];
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(sequencer);
            _refuses("E25");
            state.submitSubmissionBatch(
                address(market), "wrong", epoch, _list(projects[i]), _list(cids[i]), i == 0 ? GOOD : BAD
            );
        }
        // The same content with the right root.
        vm.prank(sequencer);
        state.submitSubmissionBatch(address(market), "wrong", epoch, _list("p"), _list("wrong cid"), BAD);
        vm.assertEq(state.maxAttestationsCount(address(market), "wrong"), 0);
        _vote(v1, "wrong", epoch, BAD);
        vm.assertFalse(_isFinal("wrong"));
        _vote(v3, "wrong", epoch, BAD);
        vm.assertTrue(_isFinal("wrong"));
    }

    function test_orderIsContent() public {
        _submit("two", epoch, _list("a", "b"), _list("1", "2"));
        _refute("two");
        vm.prank(sequencer);
        _refuses("E25");
        state.submitSubmissionBatch(address(market), "two", epoch, _list("b", "a"), _list("2", "1"), GOOD);
        // In another epoch the CID is another batch.
        uint256 next = _release();
        _submit("two", next, _list("b", "a"), _list("2", "1"));
        vm.assertEq(_cid("a", next), "1");
    }

    // ------------------------------------------------------------ whose votes

    function _remove(address validator) private {
        _setRole(market, IDataMarket.Role.VALIDATOR, validator, false);
    }

    function test_aDissentingVoteMakesNothingFinal() public {
        _grant(market, IDataMarket.Role.VALIDATOR, stranger);
        _grant(market, IDataMarket.Role.VALIDATOR, owner);
        _vote(v1, "wrong", epoch, GOOD);
        _vote(v2, "wrong", epoch, GOOD);
        _remove(v1);
        _remove(v2);
        _remove(v3);
        _remove(owner);
        _vote(stranger, "wrong", epoch, BAD);
        vm.assertFalse(_isFinal("wrong"));
    }

    function test_votesOfRemovedValidatorsMakeNothingFinal() public {
        _grant(market, IDataMarket.Role.VALIDATOR, stranger);
        _grant(market, IDataMarket.Role.VALIDATOR, owner);
        _vote(v1, "wrong", epoch, GOOD);
        _vote(v2, "wrong", epoch, GOOD);
        _remove(v1);
        _remove(v2);
        // Three are left, one of them agrees.
        _vote(v3, "wrong", epoch, GOOD);
        vm.assertFalse(_isFinal("wrong"));
        vm.assertEq(state.attestationsReceivedCount(address(market), "wrong", GOOD), 3);
        // One who comes back counts again.
        _grant(market, IDataMarket.Role.VALIDATOR, v1);
        _vote(owner, "wrong", epoch, GOOD);
        vm.assertTrue(_isFinal("wrong"));
    }

    /// @dev A removed validator who disagreed does not make those who agreed fewer.
    function test_removedDissentersAreNotCountedAgainstTheRest() public {
        _grant(market, IDataMarket.Role.VALIDATOR, stranger);
        _vote(v1, "wrong", epoch, BAD);
        _vote(stranger, "wrong", epoch, BAD);
        _vote(v2, "wrong", epoch, GOOD);
        _remove(v1);
        _remove(stranger);
        _vote(v3, "wrong", epoch, GOOD);
        vm.assertTrue(_isFinal("wrong"));
    }

    /// @dev However validators come and go, final is what more than half of those who are there voted for.
    function testFuzz_finalIsWhatThePresentMajoritySaid(uint8[16] calldata steps) public {
        address[5] memory all = [v1, v2, v3, stranger, owner];
        bool[5] memory present = [true, true, true, false, false];
        bool[5] memory agreed;
        for (uint256 i = 0; i < steps.length && !_isFinal("wrong"); ++i) {
            uint256 who = steps[i] % 5;
            if (steps[i] / 5 % 2 == 0) {
                present[who] = !present[who];
                _setRole(market, IDataMarket.Role.VALIDATOR, all[who], present[who]);
                continue;
            }
            if (!present[who] || state.attestationsReceived(address(market), "wrong", all[who])) continue;
            agreed[who] = steps[i] / 10 % 3 != 0;
            _vote(all[who], "wrong", epoch, agreed[who] ? GOOD : BAD);
            (uint256 counted, uint256 votes) = (0, 0);
            for (uint256 k = 0; k < 5; ++k) {
                if (present[k]) ++counted;
                if (present[k] && agreed[k]) ++votes;
            }
            vm.assertEq(_isFinal("wrong"), agreed[who] && 2 * votes > counted && votes >= 2);
        }
    }

    // ------------------------------------------------------------ what is foretold

    function test_theViewForetellsWhatForceDoes() public {
        vm.prank(marketOwner);
        state.updateMinAttestationsForConsensus(address(market), 1);
        _submitOne("good", epoch, "q", "c");
        _vote(v1, "wrong", epoch, BAD);
        _vote(v1, "good", epoch, GOOD);
        vm.roll(block.number + ATTESTATION_WINDOW + 1);
        vm.assertFalse(state.checkDynamicConsensusAttestations(address(market), "wrong", epoch));
        vm.assertTrue(state.checkDynamicConsensusAttestations(address(market), "good", epoch));
        _force("wrong");
        _force("good");
        vm.assertFalse(_isFinal("wrong"));
        vm.assertTrue(_isFinal("good"));
    }

    /// @dev Whatever was voted and however much time has passed: true is what completion by force makes final.
    function testFuzz_theViewForetellsWhatForceDoes(uint8 votes, uint8 minimum, uint8 blocks, bytes32 root) public {
        bytes32[3] memory roots = [root, GOOD, BAD];
        vm.prank(marketOwner);
        state.updateMinAttestationsForConsensus(address(market), uint256(minimum) % 3 + 1);
        vm.prank(sequencer);
        state.submitSubmissionBatch(address(market), "any", epoch, _list("q"), _list("c"), root);
        address[3] memory validators = [v1, v2, v3];
        for (uint256 i = 0; i < 3; ++i) {
            uint256 choice = votes >> (2 * i) & 3;
            if (choice != 3) _vote(validators[i], "any", epoch, roots[choice]);
        }
        vm.roll(block.number + blocks % 62);
        bool foretold = state.checkDynamicConsensusAttestations(address(market), "any", epoch);
        bool before = _isFinal("any");
        _force("any");
        vm.assertEq(_isFinal("any"), before || foretold);
    }
}
