// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {PowerloomDataMarket} from "../src/DataMarket.sol";
import {PowerloomProtocolState} from "../src/ProtocolState.sol";
import {IDataMarket} from "../src/interfaces/IDataMarket.sol";
import {MarketDeskEvents} from "../src/market/MarketDeskEvents.sol";
import {Base} from "./Base.sol";
import {Vm} from "./Vm.sol";

/// @dev Says yes to everything a protocol state asks of a market.
contract FakeMarket {
    function rewardSlots(uint256[] calldata slotIds, uint256[] calldata, address[] calldata, uint256, uint256, address)
        external
        pure
        returns (uint256 share, IDataMarket.SlotOutcome[] memory outcomes)
    {
        outcomes = new IDataMarket.SlotOutcome[](slotIds.length);
        for (uint256 i = 0; i < outcomes.length; ++i) {
            outcomes[i] = IDataMarket.SlotOutcome.REWARDED;
        }
        return (1000 ether, outcomes);
    }

    fallback() external {}
}

/// @dev What went wrong in the deployed contracts, tried again here.
contract WeaknessesTest is Base {
    uint256 private epoch;

    function setUp() public override {
        super.setUp();
        epoch = _release();
    }

    /// @dev W1a: a contract that only looks like a market moves nothing, through none of the 23 functions that name a market
    /// and are open to others than the owner of the protocol, nor through the 2 that are the owner's.
    function test_W1_anUnknownMarketIsRefusedEverywhere() public {
        address fake = address(new FakeMarket());
        string[] memory s = _list("x");
        IDataMarket.RootBatch[] memory roots = new IDataMarket.RootBatch[](1);
        roots[0] = IDataMarket.RootBatch("x", GOOD, GOOD);
        // The last is a second way through `updateAddresses`.
        bytes[] memory calls = new bytes[](24);
        calls[0] = abi.encodeCall(state.updateRewards, (fake, _list(1), _list(1), 1, 1));
        calls[1] = abi.encodeCall(state.submitSubmissionBatch, (fake, "x", 1, s, s, GOOD));
        calls[2] = abi.encodeCall(state.submitBatchAttestation, (fake, "x", 1, GOOD));
        calls[3] = abi.encodeCall(state.endBatchSubmissions, (fake, 1));
        calls[4] = abi.encodeCall(state.forceCompleteConsensusAttestations, (fake, "x", 1));
        calls[5] = abi.encodeCall(state.releaseEpoch, (fake, 1, 10));
        calls[6] = abi.encodeCall(state.forceSkipEpoch, (fake, 1, 10));
        calls[7] =
            abi.encodeCall(state.updateAddresses, (fake, IDataMarket.Role.ADMIN, new address[](1), new bool[](1)));
        calls[8] = abi.encodeCall(state.updateMinAttestationsForConsensus, (fake, 1));
        calls[9] = abi.encodeCall(state.updateSnapshotSubmissionWindow, (fake, 1));
        calls[10] = abi.encodeCall(state.updateBatchSubmissionWindow, (fake, 1));
        calls[11] = abi.encodeCall(state.updateAttestationSubmissionWindow, (fake, 1));
        calls[12] = abi.encodeCall(state.updateDailySnapshotQuota, (fake, 1));
        calls[13] = abi.encodeCall(state.updateRewardPoolSize, (fake, 1));
        calls[14] = abi.encodeCall(state.updateEpochManager, (fake, stranger));
        calls[15] = abi.encodeCall(state.toggleRewards, (fake));
        calls[16] = abi.encodeCall(state.setSequencerId, (fake, "x"));
        calls[17] = abi.encodeCall(state.loadCurrentDay, (fake, 1));
        calls[18] = abi.encodeCall(state.loadSlotSubmissions, (fake, 1, 1, 1));
        calls[19] = abi.encodeCall(state.submitRootOnlyBatches, (fake, 1, roots));
        calls[20] = abi.encodeCall(state.setRootOnlyBatches, (fake, true));
        calls[21] =
            abi.encodeCall(state.updateAddresses, (fake, IDataMarket.Role.ADMIN, new address[](0), new bool[](0)));
        calls[22] = abi.encodeCall(state.submitContentAttestation, (fake, "x", 1, GOOD, 0));
        calls[23] = abi.encodeCall(state.setMarketManifest, (fake, "x", 1));
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(stranger);
            (bool ok, bytes memory answer) = address(state).call(calls[i]);
            vm.assertFalse(ok);
            vm.assertEq(answer, abi.encodeWithSignature("Error(string)", "E02"));
        }
        vm.startPrank(owner);
        _refuses("E02");
        state.toggleDataMarket(fake, true);
        _refuses("E02");
        state.setRewardAllowance(fake, true, 1);
        vm.stopPrank();
    }

    /// @dev W1b: a genuine market that did not come through the protocol state cannot be made.
    function test_W1_nobodyElseMakesMarkets() public {
        vm.startPrank(stranger);
        _refuses("E44");
        factory.createDataMarket(stranger, 1, 1, 1, false, address(state));
        _refuses("E45");
        factory.createDataMarket(stranger, 1, 1, 1, false, stranger);
        // With a protocol state of its own it makes a market, which the true one does not know.
        PowerloomProtocolState code = new PowerloomProtocolState();
        bytes memory setUpCall = abi.encodeCall(code.initialize, (stranger, address(nodes), address(factory)));
        PowerloomProtocolState ownState =
            PowerloomProtocolState(payable(address(new ERC1967Proxy(address(code), setUpCall))));
        address own = ownState.createDataMarket(stranger, 1, 1, 1, false);
        _refuses("E02");
        state.updateRewardPoolSize(own, 1 ether);
        vm.stopPrank();
    }

    function test_W3_aRefutedBatchIsReplaced() public {
        _submit("bad", epoch, _two(), _list("wrong 1", "wrong 2"));
        _vote(v1, "bad", epoch, BAD);
        _vote(v2, "bad", epoch, BAD);
        vm.assertEq(_cid("p1", epoch), "wrong 1");
        _submit("corrected", epoch, _two(), _list("right 1", "right 2"));
        vm.assertEq(_cid("p1", epoch), "right 1");
        _vote(v1, "corrected", epoch, GOOD);
        _vote(v2, "corrected", epoch, GOOD);
        vm.assertEq(_status("p1", epoch), 1);
        vm.assertEq(_cid("p1", epoch), "right 1");
        // The corrected one is final, and stays.
        vm.prank(sequencer);
        _refuses("E25");
        state.submitSubmissionBatch(address(market), "third", epoch, _list("p1"), _list("c"), GOOD);
    }

    function test_W3_theSameCidMayComeBackWithARightRoot() public {
        vm.prank(sequencer);
        state.submitSubmissionBatch(address(market), "b", epoch, _list("p1"), _list("c"), WORSE);
        _vote(v1, "b", epoch, GOOD);
        _vote(v2, "b", epoch, GOOD);
        _submitOne("b", epoch, "p1", "c");
        vm.assertEq(state.maxAttestationsCount(address(market), "b"), 0);
        _vote(v1, "b", epoch, GOOD);
        _vote(v2, "b", epoch, GOOD);
        vm.assertEq(_status("p1", epoch), 1);
    }

    /// @dev A refuted batch may still win when validators change; what was replaced meanwhile is not touched.
    function test_W3_aLateVictoryTakesNothingBack() public {
        _submit("bad", epoch, _two(), _list("old 1", "old 2"));
        _vote(v1, "bad", epoch, BAD);
        _vote(v2, "bad", epoch, BAD);
        _submitOne("corrected", epoch, "p1", "new 1");
        address[3] memory more = [stranger, owner, manager];
        for (uint256 i = 0; i < 3; ++i) {
            _grant(market, IDataMarket.Role.VALIDATOR, more[i]);
            _vote(more[i], "bad", epoch, GOOD);
        }
        _setRole(market, IDataMarket.Role.VALIDATOR, v1, false);
        vm.recordLogs();
        _vote(v3, "bad", epoch, GOOD);
        vm.assertEq(_count(vm.getRecordedLogs(), address(market), MarketDeskEvents.SnapshotFinalized.selector), 1);
        vm.assertTrue(state.batchCidAttestationStatus(address(market), "bad"));
        vm.assertEq(_status("p1", epoch), 0);
        vm.assertEq(_cid("p1", epoch), "new 1");
        vm.assertEq(_status("p2", epoch), 1);
        vm.assertEq(_cid("p2", epoch), "old 2");
        // Final after all, it can be replaced no more, neither its projects nor its CID.
        vm.startPrank(sequencer);
        _refuses("E25");
        state.submitSubmissionBatch(address(market), "third", epoch, _list("p2"), _list("c"), GOOD);
        _refuses("E25");
        state.submitSubmissionBatch(address(market), "bad", epoch, _list("p9"), _list("c"), GOOD);
        vm.stopPrank();
    }

    function test_W4_aCidInTwoEpochsIsTwoBatches() public {
        _submit("same", epoch, _two(), _list("c1", "c2"));
        _vote(v1, "same", epoch, GOOD);
        uint256 next = _release();
        _submitOne("same", next, "p3", "c3");
        // Without an epoch the CID means the newest batch.
        vm.assertEq(state.maxAttestationsCount(address(market), "same"), 0);
        vm.assertEq(state.batchCidToProjects(address(market), "same")[0], "p3");
        vm.assertFalse(state.attestationsReceived(address(market), "same", v1));
        vm.assertTrue(market.validatorAttestationsReceived(v1, epoch, "same"));
        _vote(v1, "same", next, GOOD);
        _vote(v2, "same", next, GOOD);
        vm.assertEq(_status("p3", next), 1);
        vm.assertEq(_status("p1", epoch), 0);
        // The older batch is still there, with its vote.
        _vote(v2, "same", epoch, GOOD);
        vm.assertEq(_status("p1", epoch), 1);
        vm.assertEq(_status("p2", epoch), 1);
        uint256 third = _release();
        _submitOne("same", third, "p1", "c");
        vm.prank(v1);
        _refuses("E40");
        state.submitBatchAttestation(address(market), "same", next, GOOD);
    }

    /// @dev The greatest epoch is the last one, in whatever order epochs become final.
    function test_lastIsTheGreatest() public {
        _submitOne("first", epoch, "p", "c");
        uint256 next = _release();
        _submitOne("second", next, "p", "d");
        _vote(v1, "second", next, GOOD);
        _vote(v2, "second", next, GOOD);
        _vote(v1, "first", epoch, GOOD);
        _vote(v2, "first", epoch, GOOD);
        vm.assertEq(state.lastFinalizedSnapshot(address(market), "p"), next);
        vm.assertEq(state.projectFirstEpochId(address(market), "p"), epoch);
    }

    function test_W5_forcingNeedsTheRightEpoch() public {
        _submitOne("b", epoch, "p", "c");
        _vote(v1, "b", epoch, GOOD);
        vm.startPrank(marketOwner);
        state.updateMinAttestationsForConsensus(address(market), 1);
        _refuses("E30");
        state.forceCompleteConsensusAttestations(address(market), "b", epoch + 1);
        vm.stopPrank();
        uint256 next = _release();
        vm.prank(marketOwner);
        _refuses("E26");
        state.forceCompleteConsensusAttestations(address(market), "b", next);
        vm.assertFalse(state.batchCidAttestationStatus(address(market), "b"));
    }

    /// @dev W9: a disabled market takes nothing new; what is anchored is still voted on, and what was earned is still paid.
    function test_W9_aDisabledMarketOnlyFinishesWhatBegan() public {
        _submit("begun", epoch, _two(), _list("c1", "c2"));
        IDataMarket.RootBatch[] memory roots = new IDataMarket.RootBatch[](1);
        roots[0] = IDataMarket.RootBatch("roots", GOOD, GOOD);
        vm.prank(owner);
        state.toggleDataMarket(address(market), false);
        vm.startPrank(sequencer);
        _refuses("E02");
        state.submitSubmissionBatch(address(market), "new", epoch, _list("p3"), _list("c"), GOOD);
        _refuses("E02");
        state.submitRootOnlyBatches(address(market), epoch, roots);
        _refuses("E02");
        state.updateRewards(address(market), _list(1), _list(1000), 1, 1);
        state.endBatchSubmissions(address(market), epoch);
        vm.stopPrank();
        _vote(v1, "begun", epoch, GOOD);
        _vote(v2, "begun", epoch, GOOD);
        vm.assertEq(_status("p1", epoch), 1);
        vm.prank(owner);
        state.toggleDataMarket(address(market), true);
        _submitNext("p3");
    }

    function _submitNext(string memory project) private {
        _submitOne("new", _release(), project, "c");
    }

    /// @dev W11: twenty batches in an epoch make a vote no dearer than one.
    function test_W11_votesDoNotPayForEarlierBatches() public {
        uint256[2] memory cost;
        for (uint256 i = 0; i < 20; ++i) {
            string memory batch = string.concat("batch", vm.toString(i));
            _submitOne(batch, epoch, string.concat("p", vm.toString(i)), "c");
            uint256 before = gasleft();
            _vote(v1, batch, epoch, GOOD);
            if (i == 0 || i == 19) cost[i == 0 ? 0 : 1] = before - gasleft();
        }
        vm.assertLe(cost[1], cost[0] + 200);
    }

    function _two() private pure returns (string[] memory) {
        return _list("p1", "p2");
    }
}
