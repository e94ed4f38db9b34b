// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PowerloomDataMarket} from "../src/DataMarket.sol";
import {ValueOutOfRange} from "../src/Errors.sol";
import {IDataMarket} from "../src/interfaces/IDataMarket.sol";
import {MarketDeskEvents} from "../src/market/MarketDeskEvents.sol";
import {ProtocolStateEvents} from "../src/state/ProtocolStateEvents.sol";
import {Base} from "./Base.sol";
import {Vm} from "./Vm.sol";

/// @dev What a market's owner sets, and how a fresh market looks.
contract SettingsTest is Base {
    function test_aFreshMarket() public {
        PowerloomDataMarket m = _newMarket(10, 2_000_000, false);
        address a = address(m);
        vm.assertEq(state.dailySnapshotQuota(a), 1000);
        vm.assertEq(state.dayCounter(a), 1);
        vm.assertEq(m.epochIdCounter(), 0);
        vm.assertTrue(m.isInitialized());
        vm.assertEq(state.DAY_SIZE(a), 864_000_000);
        vm.assertEq(state.EPOCH_SIZE(a), 10);
        vm.assertEq(state.SOURCE_CHAIN_ID(a), 137);
        vm.assertEq(state.SOURCE_CHAIN_BLOCK_TIME(a), 2_000_000);
        vm.assertFalse(state.USE_BLOCK_NUMBER_AS_EPOCH_ID(a));
        vm.assertFalse(state.rewardsEnabled(a));
        vm.assertEq(state.minAttestationsForConsensus(a), 2);
        vm.assertEq(state.rewardPoolSize(a), 0);
        vm.assertEq(state.snapshotSubmissionWindow(a), 0);
        vm.assertEq(state.batchSubmissionWindow(a), 0);
        vm.assertEq(state.attestationSubmissionWindow(a), 0);
        vm.assertEq(state.epochManager(a), address(0));
        vm.assertEq(state.deploymentBlockNumber(a), block.number);
        vm.assertEq(state.epochsInADay(a), 43);
        vm.assertEq(m.protocolState(), address(state));
        vm.assertEq(m.owner(), marketOwner);
        vm.assertTrue(m.isOwner(marketOwner));
        vm.assertFalse(m.isOwner(owner));
        vm.assertEq(_newMarket(1, 20_000, false).epochsInADay(), 43_200);
        vm.assertEq(_newMarket(1, 2, true).epochsInADay(), 432_000_000);
    }

    function test_timesThatMakeNoDay() public {
        vm.startPrank(owner);
        _refuses("Invalid time parameters");
        state.createDataMarket(marketOwner, 0, 1, 1, false);
        _refuses("Invalid time parameters");
        state.createDataMarket(marketOwner, 1, 1, 0, false);
        _refuses("Invalid epochs in day calculation");
        state.createDataMarket(marketOwner, 1, 1, 864_000_001, false);
        _refuses("Invalid epochs in day calculation");
        state.createDataMarket(marketOwner, 255, 1, type(uint256).max, false);
        vm.stopPrank();
    }

    // ------------------------------------------------------------ roles

    function _update(IDataMarket.Role role, address[] memory accounts, bool[] memory states) private {
        vm.prank(marketOwner);
        state.updateAddresses(address(market), role, accounts, states);
    }

    function test_rolesChangeOneByOne() public {
        address[] memory accounts = new address[](3);
        bool[] memory states = new bool[](3);
        (accounts[0], accounts[1], accounts[2]) = (stranger, v1, owner);
        (states[0], states[1], states[2]) = (true, true, false);
        vm.recordLogs();
        _update(IDataMarket.Role.VALIDATOR, accounts, states);
        // W9: of three only the first is a change, whatever the last one says.
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 2);
        vm.assertEq(logs[1].emitter, address(state));
        vm.assertEq(logs[1].data, abi.encode(stranger, true));
        vm.assertTrue(market.isValidator(stranger));
        vm.assertEq(state.getTotalValidatorsCount(address(market)), 4);
        (states[0], states[1]) = (false, false);
        _update(IDataMarket.Role.VALIDATOR, accounts, states);
        vm.assertFalse(market.isValidator(stranger));
        vm.assertFalse(market.isValidator(v1));
        vm.assertEq(state.getValidators(address(market)).length, 2);
    }

    function test_eachRoleHasItsEvents() public {
        vm.expectEmit(true, true, true, true, address(market));
        emit MarketDeskEvents.SequencersUpdated(stranger, true);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.SequencersUpdated(address(market), stranger, true);
        _grant(market, IDataMarket.Role.SEQUENCER, stranger);
        vm.expectEmit(true, true, true, true, address(market));
        emit MarketDeskEvents.AdminsUpdated(stranger, true);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.AdminsUpdated(address(market), stranger, true);
        _grant(market, IDataMarket.Role.ADMIN, stranger);
        vm.expectEmit(true, true, true, true, address(market));
        emit MarketDeskEvents.ValidatorsUpdated(v1, false);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.ValidatorsUpdated(address(market), v1, false);
        _setRole(market, IDataMarket.Role.VALIDATOR, v1, false);
        vm.assertTrue(market.isSequencer(stranger));
        vm.assertTrue(market.isAdmin(stranger));
        vm.assertTrue(market.isOwnerOrAdmin(stranger));
        vm.assertEq(state.getTotalSequencersCount(address(market)), 2);
        vm.assertEq(state.getSequencers(address(market))[1], stranger);
        vm.assertEq(market.getAdmins()[0], stranger);
    }

    function test_roleRefusals() public {
        address[] memory two = new address[](2);
        bool[] memory one = new bool[](1);
        vm.prank(stranger);
        _refuses("E03");
        state.updateAddresses(address(market), IDataMarket.Role.ADMIN, two, one);
        vm.prank(marketOwner);
        _refuses("E19");
        state.updateAddresses(address(market), IDataMarket.Role.ADMIN, two, one);
        vm.prank(marketOwner);
        (bool ok,) = address(state)
            .call(abi.encodeWithSelector(state.updateAddresses.selector, market, 3, new address[](1), new bool[](1)));
        vm.assertFalse(ok);
        _refuses("E44");
        market.updateAddresses(IDataMarket.Role.ADMIN, two, one, marketOwner);
    }

    function test_aRoleThatComesBackKeepsItsVote() public {
        uint256 epoch = _release();
        _submitOne("b", epoch, "p", "c");
        _vote(v1, "b", epoch, GOOD);
        _setRole(market, IDataMarket.Role.VALIDATOR, v1, false);
        vm.assertTrue(state.attestationsReceived(address(market), "b", v1));
        _grant(market, IDataMarket.Role.VALIDATOR, v1);
        vm.prank(v1);
        _refuses("E40");
        state.submitBatchAttestation(address(market), "b", epoch, GOOD);
    }

    // ------------------------------------------------------------ values

    function test_settersWriteWhatTheyAreGiven() public {
        address a = address(market);
        vm.startPrank(marketOwner);
        state.updateMinAttestationsForConsensus(a, 7);
        state.updateDailySnapshotQuota(a, 12);
        state.updateRewardPoolSize(a, 5 ether);
        state.updateEpochManager(a, stranger);
        state.toggleRewards(a);
        state.setSequencerId(a, "a sequencer with a name longer than one word of storage");
        state.loadSlotSubmissions(a, 5, 1, 77);
        vm.stopPrank();
        vm.assertEq(state.minAttestationsForConsensus(a), 7);
        vm.assertEq(state.dailySnapshotQuota(a), 12);
        vm.assertEq(state.rewardPoolSize(a), 5 ether);
        vm.assertEq(state.getEpochManager(a), stranger);
        vm.assertEq(market.getEpochManager(), stranger);
        vm.assertTrue(market.isEpochManager(stranger));
        vm.assertTrue(state.rewardsEnabled(a));
        vm.assertEq(state.getSequencerId(a), "a sequencer with a name longer than one word of storage");
        vm.assertEq(state.slotSubmissionCount(a, 5, 1), 77);
        vm.assertEq(state.slotSubmissionCount(a, 6, 1), 0);
    }

    /// @dev Each setter as a call through the protocol state, with zeros that would fail for their own reasons.
    function _setters() private view returns (bytes[] memory calls) {
        calls = new bytes[](10);
        address a = address(market);
        calls[0] = abi.encodeCall(state.updateMinAttestationsForConsensus, (a, 0));
        calls[1] = abi.encodeCall(state.updateSnapshotSubmissionWindow, (a, 0));
        calls[2] = abi.encodeCall(state.updateBatchSubmissionWindow, (a, 0));
        calls[3] = abi.encodeCall(state.updateAttestationSubmissionWindow, (a, 0));
        calls[4] = abi.encodeCall(state.updateDailySnapshotQuota, (a, 0));
        calls[5] = abi.encodeCall(state.updateRewardPoolSize, (a, 0));
        calls[6] = abi.encodeCall(state.updateEpochManager, (a, address(0)));
        calls[7] = abi.encodeCall(state.toggleRewards, (a));
        calls[8] = abi.encodeCall(state.loadCurrentDay, (a, 0));
        calls[9] = abi.encodeCall(state.loadSlotSubmissions, (a, 0, 0, 0));
    }

    function _fails(address sender, bytes memory call, string memory reason) private {
        _failsWith(sender, call, abi.encodeWithSignature("Error(string)", reason));
    }

    function _failsWith(address sender, bytes memory call, bytes memory error) private {
        vm.prank(sender);
        (bool ok, bytes memory answer) = address(state).call(call);
        vm.assertFalse(ok);
        vm.assertEq(answer, error);
    }

    function _outOfRange(uint256 value, uint256 most) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ValueOutOfRange.selector, value, most);
    }

    function test_settersAreTheOwnersAlone() public {
        bytes[] memory calls = _setters();
        for (uint256 i = 0; i < calls.length; ++i) {
            _fails(stranger, calls[i], "E03");
            // The owner of the protocol is not the owner of the market.
            _fails(owner, calls[i], "E03");
        }
        _fails(stranger, abi.encodeCall(state.setSequencerId, (address(market), "x")), "E08");
        _grant(market, IDataMarket.Role.ADMIN, stranger);
        vm.prank(stranger);
        state.setSequencerId(address(market), "x");
        vm.assertEq(market.sequencerId(), "x");
    }

    function test_settersAnswerToTheProtocolStateAlone() public {
        vm.startPrank(marketOwner);
        _refuses("E44");
        market.updateMinAttestationsForConsensus(1, marketOwner);
        _refuses("E44");
        market.updateSnapshotSubmissionWindow(1, marketOwner);
        _refuses("E44");
        market.updateBatchSubmissionWindow(1, marketOwner);
        _refuses("E44");
        market.updateAttestationSubmissionWindow(1, marketOwner);
        _refuses("E44");
        market.updateDailySnapshotQuota(1, marketOwner);
        _refuses("E44");
        market.updateRewardPoolSize(1, marketOwner);
        _refuses("E44");
        market.updateEpochManager(stranger, marketOwner);
        _refuses("E44");
        market.toggleRewards(marketOwner);
        _refuses("E44");
        market.loadCurrentDay(1, marketOwner);
        _refuses("E44");
        market.loadSlotSubmissions(1, 1, 1, marketOwner);
        _refuses("E44");
        market.setSequencerId("x", marketOwner);
        vm.stopPrank();
    }

    function test_zeros() public {
        bytes[] memory calls = _setters();
        _fails(marketOwner, calls[0], "E45");
        _fails(marketOwner, calls[1], "E45");
        _fails(marketOwner, calls[2], "E45");
        _fails(marketOwner, calls[3], "E42");
        _fails(marketOwner, calls[4], "E45");
        _fails(marketOwner, calls[6], "E45");
    }

    function test_valuesThatDoNotFit() public {
        uint256 tooLarge = uint256(type(uint64).max) + 1;
        address a = address(market);
        bytes memory refusal = _outOfRange(tooLarge, type(uint64).max);
        _failsWith(marketOwner, abi.encodeCall(state.updateMinAttestationsForConsensus, (a, tooLarge)), refusal);
        _failsWith(marketOwner, abi.encodeCall(state.updateAttestationSubmissionWindow, (a, tooLarge)), refusal);
        _failsWith(
            marketOwner,
            abi.encodeCall(state.updateRewardPoolSize, (a, 1 << 128)),
            _outOfRange(1 << 128, type(uint128).max)
        );
        _failsWith(
            marketOwner,
            abi.encodeCall(state.loadSlotSubmissions, (a, 1, 1, 1 << 63)),
            _outOfRange(1 << 63, (1 << 63) - 1)
        );
        vm.prank(manager);
        _refusesWith(_outOfRange(tooLarge + 9, type(uint64).max));
        state.releaseEpoch(a, tooLarge, tooLarge + 9);
    }

    function test_windowsInTheOrderClientsUse() public {
        PowerloomDataMarket m = _newMarket(1, 2, false);
        address a = address(m);
        vm.startPrank(marketOwner);
        _refuses("E42");
        state.updateAttestationSubmissionWindow(a, 30);
        state.updateSnapshotSubmissionWindow(a, 10);
        _refuses("E41");
        state.updateBatchSubmissionWindow(a, 10);
        state.updateBatchSubmissionWindow(a, 11);
        _refuses("E42");
        state.updateAttestationSubmissionWindow(a, 11);
        state.updateAttestationSubmissionWindow(a, 12);
        // W9: the order holds in both directions.
        _refuses("E41");
        state.updateSnapshotSubmissionWindow(a, 11);
        _refuses("E42");
        state.updateBatchSubmissionWindow(a, 12);
        vm.stopPrank();
        vm.assertEq(state.snapshotSubmissionWindow(a), 10);
        vm.assertEq(state.batchSubmissionWindow(a), 11);
        vm.assertEq(state.attestationSubmissionWindow(a), 12);
    }

    function test_aBatchWindowWithoutASnapshotWindow() public {
        PowerloomDataMarket m = _newMarket(1, 2, false);
        vm.prank(marketOwner);
        state.updateBatchSubmissionWindow(address(m), 1);
        vm.assertEq(m.batchSubmissionWindow(), 1);
    }
}
