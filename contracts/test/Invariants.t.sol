// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PowerloomDataMarket} from "../src/DataMarket.sol";
import {PowerloomNodes} from "../src/Nodes.sol";
import {PowerloomProtocolState} from "../src/ProtocolState.sol";
import {IDataMarket} from "../src/interfaces/IDataMarket.sol";
import {Base} from "./Base.sol";
import {Vm} from "./Vm.sol";

/// @dev Does anything anyone might do, in any order, and keeps its own books. Calls that are refused are fine.
contract Network {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    struct Actors {
        address owner;
        address marketOwner;
        address manager;
        address sequencer;
    }

    PowerloomProtocolState private immutable state;
    PowerloomDataMarket private immutable market;
    PowerloomNodes private immutable nodes;
    Actors private who;

    uint256 public constant VALIDATORS = 4;
    uint256 public constant PROJECTS = 4;
    uint256 public constant BATCHES = 3;
    uint256 public constant SLOTS = 6;

    uint256 public epochs;
    // What the books say.
    mapping(uint256 epoch => mapping(uint256 project => string)) public finalCid;
    mapping(uint256 epoch => mapping(uint256 project => uint256)) public finalTime;
    mapping(uint256 epoch => mapping(uint256 batch => mapping(address => uint256))) public votes;
    mapping(uint256 epoch => mapping(uint256 batch => uint256)) public votesInTime;
    mapping(uint256 epoch => mapping(uint256 batch => uint256)) public submissions;
    uint256 public illegalVotes;
    uint256 public illegalAssignments;
    uint256 public paidOut;
    mapping(uint256 slot => bool) public burned;

    constructor(
        PowerloomProtocolState state_,
        PowerloomDataMarket market_,
        PowerloomNodes nodes_,
        Actors memory actors
    ) {
        (state, market, nodes, who) = (state_, market_, nodes_, actors);
    }

    function project(uint256 i) public pure returns (string memory) {
        return string.concat("project", vm.toString(i));
    }

    function batchCid(uint256 i) public pure returns (string memory) {
        return string.concat("batch", vm.toString(i));
    }

    function validator(uint256 i) public pure returns (address) {
        return address(uint160(0x1000 + i));
    }

    function _epoch(uint256 seed) private view returns (uint256) {
        // One of the last two, so that something happens in them.
        return epochs - (epochs > 1 ? seed % 2 : 0);
    }

    function release() external {
        (, uint256 end,) = market.currentEpoch();
        vm.prank(who.manager);
        state.releaseEpoch(address(market), end + 1, end + 10);
        epochs += 1;
    }

    function pass(uint8 blocks) external {
        vm.roll(block.number + blocks % 8);
        vm.warp(block.timestamp + blocks);
    }

    function submit(uint256 epochSeed, uint8 batch, uint8 projects, uint64 cid, uint8 honesty) external {
        bool good = honesty % 4 != 0;
        uint256 epoch = _epoch(epochSeed);
        uint256 count = 0;
        for (uint256 i = 0; i < PROJECTS; ++i) {
            count += projects >> i & 1;
        }
        string[] memory names = new string[](count);
        string[] memory cids = new string[](count);
        for (uint256 i = 0; i < PROJECTS; ++i) {
            if (projects >> i & 1 == 0) continue;
            names[--count] = project(i);
            cids[count] = cid % 7 == 0 ? "" : vm.toString(cid + i);
        }
        vm.prank(who.sequencer);
        try state.submitSubmissionBatch(
            address(market), batchCid(batch % BATCHES), epoch, names, cids, bytes32(uint256(good ? 1 : 2))
        ) {
            (uint256 b, uint256 e) = (batch % BATCHES, epoch);
            (,, uint256 end) = market.epochInfo(e);
            if (end != 0 && market.maxAttestationsCount(batchCid(b)) == 0) submissions[e][b] += 1;
        } catch {}
        _note();
    }

    function vote(uint256 epochSeed, uint8 batch, uint8 validatorSeed, uint8 opinion) external {
        bool good = opinion % 4 != 0;
        (uint256 epoch, uint256 b) = (_epoch(epochSeed), batch % BATCHES);
        address voter = validator(validatorSeed % VALIDATORS);
        bool isValidator = market.isValidator(voter);
        vm.prank(voter);
        try state.submitBatchAttestation(address(market), batchCid(b), epoch, bytes32(uint256(good ? 1 : 2))) {
            if (!isValidator) illegalVotes += 1;
            votes[epoch][b][voter] += 1;
        } catch {}
        _note();
    }

    function force(uint256 epochSeed, uint8 batch) external {
        vm.prank(who.marketOwner);
        try state.forceCompleteConsensusAttestations(address(market), batchCid(batch % BATCHES), _epoch(epochSeed)) {}
            catch {}
        _note();
    }

    function end(uint256 epochSeed) external {
        if (epochSeed % 5 != 0) return;
        vm.prank(who.sequencer);
        try state.endBatchSubmissions(address(market), _epoch(epochSeed)) {} catch {}
    }

    function setValidator(uint8 validatorSeed, bool allowed) external {
        address[] memory accounts = new address[](1);
        bool[] memory states = new bool[](1);
        (accounts[0], states[0]) = (validator(validatorSeed % VALIDATORS), allowed || validatorSeed % 3 != 0);
        vm.prank(who.marketOwner);
        state.updateAddresses(address(market), IDataMarket.Role.VALIDATOR, accounts, states);
    }

    function reward(uint8 slot, uint16 count, uint8 day, uint8 eligible) external {
        uint256[] memory slots = new uint256[](1);
        uint256[] memory counts = new uint256[](1);
        (slots[0], counts[0]) = (slot % (SLOTS + 2), count % 2000);
        vm.prank(who.sequencer);
        try state.updateRewards(address(market), slots, counts, day % 3, eligible % 4) {} catch {}
    }

    function setPool(uint64 pool) external {
        vm.prank(who.marketOwner);
        state.updateRewardPoolSize(address(market), pool);
    }

    function claim() external {
        uint256 before = who.owner.balance;
        try state.claimRewards(who.owner) {
            paidOut += who.owner.balance - before;
        } catch {}
    }

    function burn(uint8 slot) external {
        if (slot % 4 != 0) return;
        uint256 id = slot % SLOTS + 1;
        vm.prank(who.owner);
        try nodes.burnNode(id) {
            burned[id] = true;
        } catch {}
    }

    function assign(uint8 slot, uint8 snapshotter) external {
        uint256 id = slot % SLOTS + 1;
        vm.prank(who.owner);
        try nodes.assignSnapshotterToNode(id, address(uint160(1 + snapshotter % 4))) {
            if (burned[id]) illegalAssignments += 1;
        } catch {}
    }

    /// @dev Writes down every snapshot the first time it is seen final.
    function _note() private {
        for (uint256 epoch = 1; epoch <= epochs; ++epoch) {
            for (uint256 i = 0; i < PROJECTS; ++i) {
                (uint8 status, string memory cid, uint256 time) = market.snapshotStatus(project(i), epoch);
                if (status == 0 || finalTime[epoch][i] != 0) continue;
                (finalCid[epoch][i], finalTime[epoch][i]) = (cid, time);
            }
        }
    }
}

contract InvariantsTest is Base {
    Network private network;

    function setUp() public override {
        super.setUp();
        vm.deal(owner, 100 ether);
        vm.deal(address(state), 100 ether);
        vm.startPrank(owner);
        nodes.setMintStartTime(block.timestamp);
        nodes.mintNode{value: 6 ether}(6);
        vm.stopPrank();
        network = new Network(state, market, nodes, Network.Actors(owner, marketOwner, manager, sequencer));
        _setRole(market, IDataMarket.Role.VALIDATOR, v1, false);
        _setRole(market, IDataMarket.Role.VALIDATOR, v2, false);
        _setRole(market, IDataMarket.Role.VALIDATOR, v3, false);
        for (uint256 i = 0; i < 3; ++i) {
            _grant(market, IDataMarket.Role.VALIDATOR, network.validator(i));
        }
        network.release();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(network);
    }

    /// @dev Status, CID and time of a snapshot seen final are the same ever after.
    function invariant_aFinalSnapshotNeverChanges() public view {
        for (uint256 epoch = 1; epoch <= network.epochs(); ++epoch) {
            for (uint256 i = 0; i < network.PROJECTS(); ++i) {
                uint256 finalTime = network.finalTime(epoch, i);
                if (finalTime == 0) continue;
                (uint8 status, string memory cid, uint256 time) = market.snapshotStatus(network.project(i), epoch);
                vm.assertEq(status, 1);
                vm.assertEq(cid, network.finalCid(epoch, i));
                vm.assertEq(time, finalTime);
            }
        }
    }

    /// @dev No more votes than validators voted, one each per submission of the batch, and by validators only.
    function invariant_aVoteCountsOnce() public view {
        vm.assertEq(network.illegalVotes(), 0);
        for (uint256 b = 0; b < network.BATCHES(); ++b) {
            string memory cid = network.batchCid(b);
            uint256 counted = market.attestationsReceivedCount(cid, bytes32(uint256(1)))
                + market.attestationsReceivedCount(cid, bytes32(uint256(2)));
            uint256 voters = 0;
            for (uint256 i = 0; i < network.VALIDATORS(); ++i) {
                if (market.attestationsReceived(cid, network.validator(i))) ++voters;
                for (uint256 epoch = 1; epoch <= network.epochs(); ++epoch) {
                    uint256 cast = network.votes(epoch, b, network.validator(i));
                    vm.assertLe(cast, _max(network.submissions(epoch, b), 1));
                }
            }
            vm.assertLe(counted, voters);
            vm.assertLe(market.maxAttestationsCount(cid), counted);
        }
    }

    function _max(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a : b;
    }

    /// @dev Slots, users and payments agree, and no user is paid more than was credited.
    function invariant_rewardsAddUp() public view {
        uint256 credited = 0;
        for (uint256 slot = 0; slot < network.SLOTS() + 2; ++slot) {
            vm.assertEq(state.slotRewards(slot), market.slotRewardPoints(slot));
            credited += state.slotRewards(slot);
        }
        (uint256 total, uint256 claimed,,) = state.userInfo(owner);
        vm.assertEq(total, credited);
        vm.assertEq(claimed, network.paidOut());
        vm.assertLe(claimed, total);
        vm.assertEq(address(state).balance, 100 ether - claimed);
    }

    /// @dev No more slots are rewarded on a day than were announced.
    function invariant_aDayRewardsAtMostItsEligibleSlots() public view {
        for (uint256 day = 0; day < 3; ++day) {
            uint256 rewarded = 0;
            for (uint256 slot = 0; slot < network.SLOTS() + 2; ++slot) {
                if (market.slotRewardsDistributedStatus(day, slot)) ++rewarded;
            }
            vm.assertEq(rewarded, market.eligibleNodesForDay(day) - market.slotsRemainingToBeRewardedCount(day));
        }
    }

    function invariant_aBurnedNodeStaysBurned() public view {
        vm.assertEq(network.illegalAssignments(), 0);
        uint256 active = 0;
        uint256 living = 0;
        for (uint256 id = 1; id <= network.SLOTS(); ++id) {
            if (nodes.nodeSnapshotterMapping(id) != address(0)) ++active;
            if (!network.burned(id)) ++living;
            vm.assertEq(nodes.isNodeAvailable(id), !network.burned(id));
            if (!network.burned(id)) continue;
            vm.assertEq(nodes.nodeSnapshotterMapping(id), address(0));
            vm.assertEq(nodes.balanceOf(owner, id), 0);
        }
        vm.assertEq(nodes.enabledNodeCount(), active);
        vm.assertEq(nodes.totalSupply(), living);
        vm.assertEq(nodes.getNodesOwned(owner), living);
    }
}
