// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PowerloomDataMarket} from "../src/DataMarket.sol";
import {TooManyRoleMembers} from "../src/Errors.sol";
import {IDataMarket} from "../src/interfaces/IDataMarket.sol";
import {IMarketErrors} from "../src/interfaces/IMarketErrors.sol";
import {MarketDeskEvents} from "../src/market/MarketDeskEvents.sol";
import {ProtocolStateEvents} from "../src/state/ProtocolStateEvents.sol";
import {Base} from "./Base.sol";
import {Vm} from "./Vm.sol";

/// @dev A market that is nearly full.
contract FullMarket is PowerloomDataMarket {
    /// @dev All batch numbers of the epoch but one are given, and all validator numbers but one.
    function fill(uint256 epochId) external {
        self.epochs[epochId].batches = type(uint16).max - 1;
        self.validators.numbersGiven = type(uint16).max - 1;
    }
}

/// @dev Votes, majorities, ties, forced completion.
contract ConsensusTest is Base {
    uint256 private epoch;
    uint256 private releaseBlock;

    function setUp() public override {
        super.setUp();
        epoch = _release();
        releaseBlock = block.number;
        _submitOne("batch", epoch, "project", "QmTest123");
    }

    function _force() private {
        vm.prank(marketOwner);
        state.forceCompleteConsensusAttestations(address(market), "batch", epoch);
    }

    function _final() private view returns (bool) {
        return state.batchCidAttestationStatus(address(market), "batch");
    }

    function _minimum(uint256 votes) private {
        vm.prank(marketOwner);
        state.updateMinAttestationsForConsensus(address(market), votes);
    }

    function test_aVoteIsCountedAndAnnounced() public {
        vm.expectEmit(true, true, true, true, address(market));
        emit MarketDeskEvents.SnapshotBatchAttestationSubmitted("batch", epoch, block.timestamp, v1);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.SnapshotBatchAttestationSubmitted(address(market), "batch", epoch, block.timestamp, v1);
        _vote(v1, "batch", epoch, GOOD);
        vm.assertEq(state.attestationsReceivedCount(address(market), "batch", GOOD), 1);
        vm.assertEq(state.maxAttestationsCount(address(market), "batch"), 1);
        vm.assertEq(state.maxAttestationFinalizedRootHash(address(market), "batch"), GOOD);
        vm.assertTrue(state.attestationsReceived(address(market), "batch", v1));
        vm.assertFalse(state.attestationsReceived(address(market), "batch", v2));
        vm.assertFalse(state.attestationsReceived(address(market), "batch", stranger));
        vm.assertTrue(market.validatorAttestationsReceived(v1, epoch, "batch"));
        vm.assertFalse(_final());
    }

    function test_voteRefusals() public {
        // Who may not vote hears that first, whatever the vote is about.
        vm.prank(stranger);
        _refuses("E01");
        state.submitBatchAttestation(address(market), "nothing", 99, GOOD);
        vm.startPrank(v1);
        _refuses("E26");
        state.submitBatchAttestation(address(market), "nothing", epoch, GOOD);
        _refuses("E26");
        state.submitBatchAttestation(address(market), "batch", epoch + 1, GOOD);
        state.submitBatchAttestation(address(market), "batch", epoch, GOOD);
        _refuses("E40");
        state.submitBatchAttestation(address(market), "batch", epoch, GOOD);
        _refuses("E40");
        state.submitBatchAttestation(address(market), "batch", epoch, BAD);
        vm.stopPrank();
        vm.assertEq(state.attestationsReceivedCount(address(market), "batch", GOOD), 1);
        vm.prank(v1);
        _refuses("E44");
        market.submitBatchAttestation("batch", epoch, GOOD, v2);
        _refuses("E44");
        market.attest("batch", epoch, GOOD, v2);
    }

    function test_theSecondOfThreeMakesItFinal() public {
        _vote(v1, "batch", epoch, GOOD);
        vm.expectEmit(true, true, true, true, address(market));
        emit MarketDeskEvents.SnapshotFinalized(epoch, 10, "project", "QmTest123", block.timestamp);
        vm.expectEmit(true, true, true, true, address(market));
        emit MarketDeskEvents.SnapshotBatchFinalized(epoch, "batch", block.timestamp);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.SnapshotFinalized(address(market), epoch, 10, "project", "QmTest123", block.timestamp);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.SnapshotBatchFinalized(address(market), epoch, "batch", block.timestamp);
        _vote(v2, "batch", epoch, GOOD);
        vm.assertTrue(_final());
        vm.assertEq(_status("project", epoch), 1);
    }

    function test_halfIsNoMajority() public {
        _grant(market, IDataMarket.Role.VALIDATOR, stranger);
        _vote(v1, "batch", epoch, GOOD);
        _vote(v2, "batch", epoch, GOOD);
        vm.assertFalse(_final());
        _vote(v3, "batch", epoch, GOOD);
        vm.assertTrue(_final());
    }

    function test_oneOfThreeIsNoMajorityEvenIfOneWereEnough() public {
        _minimum(1);
        _vote(v1, "batch", epoch, GOOD);
        vm.assertFalse(_final());
    }

    function test_theMinimumCountsEvenForAMajority() public {
        _minimum(3);
        _vote(v1, "batch", epoch, GOOD);
        _vote(v2, "batch", epoch, GOOD);
        vm.assertFalse(_final());
        _vote(v3, "batch", epoch, GOOD);
        vm.assertTrue(_final());
    }

    function test_aLoneValidator() public {
        _setRole(market, IDataMarket.Role.VALIDATOR, v2, false);
        _setRole(market, IDataMarket.Role.VALIDATOR, v3, false);
        _minimum(1);
        _vote(v1, "batch", epoch, GOOD);
        vm.assertTrue(_final());
    }

    function test_oneDivergentOfThree() public {
        _vote(v1, "batch", epoch, BAD);
        vm.assertEq(state.batchCidDivergentValidators(address(market), "batch", 0), v1);
        vm.assertEq(market.batchCidDivergentValidatorsLen("batch"), 1);
        _vote(v2, "batch", epoch, GOOD);
        // A tie has no leader.
        vm.assertEq(state.maxAttestationFinalizedRootHash(address(market), "batch"), bytes32(0));
        vm.assertFalse(_final());
        vm.expectEmit(true, true, true, true, address(market));
        emit MarketDeskEvents.ValidatorAttestationsInvalidated(epoch, "batch", v1, block.timestamp);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.ValidatorAttestationsInvalidated(address(market), epoch, "batch", v1, block.timestamp);
        _vote(v3, "batch", epoch, GOOD);
        vm.assertTrue(_final());
        vm.expectRevert();
        market.batchCidDivergentValidators("batch", 1);
    }

    function test_aMajorityAgainstTheSequencerAsksForAnotherBatch() public {
        _vote(v1, "batch", epoch, GOOD);
        _vote(v2, "batch", epoch, BAD);
        vm.expectEmit(true, true, true, true, address(market));
        emit MarketDeskEvents.TriggerBatchResubmission(epoch, "batch", block.timestamp);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.TriggerBatchResubmission(address(market), epoch, "batch", block.timestamp);
        _vote(v3, "batch", epoch, BAD);
        vm.assertFalse(_final());
        vm.assertEq(_status("project", epoch), 0);
        vm.assertEq(state.maxAttestationFinalizedRootHash(address(market), "batch"), BAD);
    }

    function test_threeOpinionsAreNone() public {
        _vote(v1, "batch", epoch, GOOD);
        _vote(v2, "batch", epoch, BAD);
        _vote(v3, "batch", epoch, WORSE);
        vm.assertFalse(_final());
        vm.assertEq(state.maxAttestationFinalizedRootHash(address(market), "batch"), bytes32(0));
        vm.assertEq(market.batchCidDivergentValidatorsLen("batch"), 2);
        vm.assertEq(state.batchCidDivergentValidators(address(market), "batch", 0), v2);
        vm.assertEq(state.batchCidDivergentValidators(address(market), "batch", 1), v3);
    }

    function test_aFinalBatchIsFinalizedOnce() public {
        _vote(v1, "batch", epoch, GOOD);
        _vote(v2, "batch", epoch, GOOD);
        vm.warp(block.timestamp + 100);
        vm.recordLogs();
        _vote(v3, "batch", epoch, GOOD);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 2);
        vm.roll(releaseBlock + 31);
        vm.recordLogs();
        _force();
        vm.assertEq(vm.getRecordedLogs().length, 0);
        (,, uint256 time) = state.snapshotStatus(address(market), "project", epoch);
        vm.assertEq(time, block.timestamp - 100);
    }

    function test_theWindowIsInclusive() public {
        vm.roll(releaseBlock + 30);
        _vote(v1, "batch", epoch, GOOD);
        vm.assertEq(state.maxAttestationsCount(address(market), "batch"), 1);
        vm.roll(releaseBlock + 31);
        vm.expectEmit(true, true, true, true, address(market));
        emit MarketDeskEvents.DelayedAttestationSubmitted("batch", epoch, block.timestamp, v2);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.DelayedAttestationSubmitted(address(market), "batch", epoch, block.timestamp, v2);
        _vote(v2, "batch", epoch, GOOD);
        vm.assertEq(state.maxAttestationsCount(address(market), "batch"), 1);
        vm.assertTrue(state.attestationsReceived(address(market), "batch", v2));
        vm.assertFalse(_final());
        // W8: a late vote counts nowhere, and still is the only one.
        vm.prank(v2);
        _refuses("E40");
        state.submitBatchAttestation(address(market), "batch", epoch, GOOD);
    }

    function test_endingSubmissionsDoesNotStopVotes() public {
        vm.prank(sequencer);
        state.endBatchSubmissions(address(market), epoch);
        _vote(v1, "batch", epoch, GOOD);
        _vote(v2, "batch", epoch, GOOD);
        vm.assertTrue(_final());
    }

    /// @dev An older protocol state asks for flags only.
    function test_theMarketsOwnFunctions() public {
        vm.startPrank(address(state));
        (bool counted, bool again, bool isFinal) = market.submitBatchAttestation("batch", epoch, GOOD, v1);
        vm.assertTrue(counted && !again && !isFinal);
        (counted, again, isFinal) = market.submitBatchAttestation("batch", epoch, GOOD, v2);
        vm.assertTrue(counted && !again && isFinal);
        _refuses("E01");
        market.submitBatchAttestation("batch", epoch, GOOD, stranger);
        (again, isFinal) = market.forceCompleteConsensusAttestations("batch", epoch, marketOwner);
        vm.assertFalse(again || isFinal);
        market.submitSubmissionBatch("other", epoch, _list("q"), _list("c"), GOOD, sequencer);
        (again, isFinal) = market.forceCompleteConsensusAttestations("other", epoch, marketOwner);
        vm.assertTrue(again && !isFinal);
        _refuses("E03");
        market.forceCompleteConsensusAttestations("other", epoch, stranger);
        vm.stopPrank();
    }

    function test_dynamicCheck() public {
        _minimum(1);
        vm.assertFalse(state.checkDynamicConsensusAttestations(address(market), "batch", epoch));
        _vote(v1, "batch", epoch, GOOD);
        vm.roll(releaseBlock + 30);
        vm.assertFalse(state.checkDynamicConsensusAttestations(address(market), "batch", epoch));
        vm.roll(releaseBlock + 31);
        vm.assertTrue(state.checkDynamicConsensusAttestations(address(market), "batch", epoch));
        vm.assertFalse(state.checkDynamicConsensusAttestations(address(market), "batch", epoch + 1));
        vm.assertFalse(state.checkDynamicConsensusAttestations(address(market), "other", epoch));
        _minimum(2);
        vm.assertFalse(state.checkDynamicConsensusAttestations(address(market), "batch", epoch));
        _minimum(1);
        _force();
        vm.assertFalse(state.checkDynamicConsensusAttestations(address(market), "batch", epoch));
    }

    function test_forceFinalizesAfterTheWindow() public {
        _minimum(1);
        _vote(v1, "batch", epoch, GOOD);
        vm.roll(releaseBlock + 31);
        vm.expectEmit(true, true, true, true, address(market));
        emit MarketDeskEvents.SnapshotBatchFinalized(epoch, "batch", block.timestamp);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.SnapshotBatchFinalized(address(market), epoch, "batch", block.timestamp);
        _force();
        vm.assertTrue(_final());
        vm.assertEq(_status("project", epoch), 1);
    }

    function _forceAsksAgain() private {
        vm.expectEmit(true, true, true, true, address(market));
        emit MarketDeskEvents.TriggerBatchResubmission(epoch, "batch", block.timestamp);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.TriggerBatchResubmission(address(market), epoch, "batch", block.timestamp);
        _force();
        vm.assertFalse(_final());
    }

    function test_forceInsideTheWindowAsksAgain() public {
        _minimum(1);
        _vote(v1, "batch", epoch, GOOD);
        vm.roll(releaseBlock + 30);
        _forceAsksAgain();
    }

    function test_forceOnATieAsksAgain() public {
        _minimum(1);
        _vote(v1, "batch", epoch, GOOD);
        _vote(v2, "batch", epoch, BAD);
        vm.roll(releaseBlock + 31);
        _forceAsksAgain();
    }

    function test_forceOnADivergentLeaderAsksAgain() public {
        _minimum(1);
        _vote(v1, "batch", epoch, BAD);
        vm.roll(releaseBlock + 31);
        _forceAsksAgain();
    }

    function test_forceBelowTheMinimumAsksAgain() public {
        _vote(v1, "batch", epoch, GOOD);
        vm.roll(releaseBlock + 31);
        _forceAsksAgain();
    }

    function test_forceOnAZeroRootAsksAgain() public {
        _minimum(1);
        vm.prank(sequencer);
        state.submitSubmissionBatch(address(market), "zero", epoch, _list("p"), _list("c"), bytes32(0));
        _vote(v1, "zero", epoch, bytes32(0));
        vm.roll(releaseBlock + 31);
        vm.prank(marketOwner);
        state.forceCompleteConsensusAttestations(address(market), "zero", epoch);
        vm.assertFalse(state.batchCidAttestationStatus(address(market), "zero"));
    }

    function test_forceRefusals() public {
        vm.prank(stranger);
        _refuses("E03");
        state.forceCompleteConsensusAttestations(address(market), "nothing", 99);
        vm.startPrank(marketOwner);
        _refuses("E30");
        state.forceCompleteConsensusAttestations(address(market), "batch", 99);
        _refuses("E26");
        state.forceCompleteConsensusAttestations(address(market), "nothing", epoch);
        _refuses("E44");
        market.forceCompleteConsensusAttestations("batch", epoch, marketOwner);
        vm.stopPrank();
    }

    /// @dev Any sequence of votes: counts are those of the votes, the leader is the single most popular root, and the
    /// batch is final exactly if at some vote for the sequencer's root more than half stood behind it.
    function testFuzz_tally(uint8 validatorsSeed, uint8[15] calldata opinions) public {
        uint256 validators = validatorsSeed % 15 + 1;
        for (uint256 i = 1; i <= 3; ++i) {
            _setRole(market, IDataMarket.Role.VALIDATOR, i == 1 ? v1 : i == 2 ? v2 : v3, false);
        }
        for (uint256 i = 0; i < validators; ++i) {
            _grant(market, IDataMarket.Role.VALIDATOR, address(uint160(1000 + i)));
        }
        bytes32[3] memory roots = [GOOD, BAD, WORSE];
        uint256[3] memory counts;
        bool isFinal;
        for (uint256 i = 0; i < validators; ++i) {
            uint256 opinion = opinions[i] % 3;
            _vote(address(uint160(1000 + i)), "batch", epoch, roots[opinion]);
            counts[opinion] += 1;
            isFinal = isFinal || (opinion == 0 && 2 * counts[0] > validators && counts[0] >= 2);
            vm.assertEq(_final(), isFinal);
        }
        uint256 most = 0;
        bytes32 leader = 0;
        for (uint256 i = 0; i < 3; ++i) {
            vm.assertEq(market.attestationsReceivedCount("batch", roots[i]), counts[i]);
            if (counts[i] == most) leader = 0;
            if (counts[i] > most) (most, leader) = (counts[i], roots[i]);
        }
        vm.assertEq(market.maxAttestationsCount("batch"), most);
        vm.assertEq(market.maxAttestationFinalizedRootHash("batch"), leader);
        vm.assertEq(market.batchCidDivergentValidatorsLen("batch"), counts[1] + counts[2]);
    }

    // ------------------------------------------------------------ numbers of 16 bits

    function _fill() private {
        address code = address(new FullMarket());
        vm.prank(marketOwner);
        market.upgradeToAndCall(code, abi.encodeCall(FullMarket.fill, (epoch)));
    }

    /// @dev A validator's number is given once for ever. The last one votes like any other.
    function test_validatorNumbersRunOut() public {
        _fill();
        address[] memory accounts = new address[](1);
        bool[] memory yes = new bool[](1);
        (accounts[0], yes[0]) = (owner, true);
        _grant(market, IDataMarket.Role.VALIDATOR, stranger);
        vm.prank(marketOwner);
        _refusesWith(abi.encodeWithSelector(TooManyRoleMembers.selector));
        state.updateAddresses(address(market), IDataMarket.Role.VALIDATOR, accounts, yes);
        vm.assertFalse(market.isValidator(owner));
        // Whoever had a number gets it back, and room does not come from taking the role away.
        _setRole(market, IDataMarket.Role.VALIDATOR, v3, false);
        vm.prank(marketOwner);
        _refusesWith(abi.encodeWithSelector(TooManyRoleMembers.selector));
        state.updateAddresses(address(market), IDataMarket.Role.VALIDATOR, accounts, yes);
        _grant(market, IDataMarket.Role.VALIDATOR, v3);
        _vote(stranger, "batch", epoch, BAD);
        vm.assertEq(market.batchCidDivergentValidators("batch", 0), stranger);
        vm.assertTrue(market.attestationsReceived("batch", stranger));
        vm.assertFalse(market.attestationsReceived("batch", v1));
    }

    /// @dev An entry names its batch in 16 bits: the last batch is found by it, another is refused.
    function test_batchNumbersRunOut() public {
        _fill();
        _submitOne("last", epoch, "last project", "QmLast");
        vm.assertEq(_cid("last project", epoch), "QmLast");
        _vote(v1, "last", epoch, GOOD);
        _vote(v2, "last", epoch, GOOD);
        vm.assertEq(_status("last project", epoch), 1);
        vm.prank(sequencer);
        _refusesWith(abi.encodeWithSelector(IMarketErrors.TooManyBatches.selector, epoch));
        state.submitSubmissionBatch(address(market), "more", epoch, _list("another"), _list("c"), GOOD);
        _submitOne("next", _release(), "another", "c");
    }
}
