// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataMarket} from "../src/interfaces/IDataMarket.sol";
import {MarketDeskEvents} from "../src/market/MarketDeskEvents.sol";
import {ProtocolStateEvents} from "../src/state/ProtocolStateEvents.sol";
import {Base} from "./Base.sol";
import {Vm} from "./Vm.sol";

/// @dev Refuses ether.
contract Refuser {}

/// @dev Claims for somebody when it is paid itself.
contract Reclaimer {
    address private immutable whom;

    constructor(address whom_) {
        whom = whom_;
    }

    receive() external payable {
        (bool ok,) = msg.sender.call(abi.encodeWithSignature("claimRewards(address)", whom));
        require(ok, "nested claim");
    }
}

/// @dev Takes the whole balance again when it is paid.
contract Withdrawer {
    bool public failed;

    function accept(address state) external {
        (bool ok,) = state.call(abi.encodeWithSignature("acceptOwnership()"));
        require(ok, "accept");
    }

    function withdraw(address state) external {
        (bool ok,) = state.call(abi.encodeWithSignature("emergencyWithdraw()"));
        require(ok, "withdraw");
    }

    receive() external payable {
        (bool ok,) = msg.sender.call(abi.encodeWithSignature("emergencyWithdraw()"));
        failed = !ok;
    }
}

/// @dev Code of a market that credits each slot as much as it was made with.
contract GenerousMarket {
    uint256 private immutable share;

    constructor(uint256 share_) {
        share = share_;
    }

    function rewardSlots(uint256[] calldata slotIds, uint256[] calldata, address[] calldata, uint256, uint256, address)
        external
        view
        returns (uint256, IDataMarket.SlotOutcome[] memory outcomes)
    {
        outcomes = new IDataMarket.SlotOutcome[](slotIds.length);
        for (uint256 i = 0; i < outcomes.length; ++i) {
            outcomes[i] = IDataMarket.SlotOutcome.REWARDED;
        }
        return (share, outcomes);
    }
}

/// @dev Counts, quotas, points, claims. Ten nodes belong to `holder`; node n's snapshotter is address 100 + n.
contract RewardsTest is Base {
    address internal immutable holder = _actor("node holder");

    function setUp() public override {
        super.setUp();
        vm.prank(owner);
        nodes.setMintStartTime(block.timestamp);
        vm.deal(holder, 100 ether);
        vm.prank(holder);
        nodes.mintNode{value: 10 ether}(10);
        for (uint256 i = 1; i <= 10; ++i) {
            vm.prank(holder);
            nodes.assignSnapshotterToNode(i, address(uint160(100 + i)));
        }
        vm.prank(marketOwner);
        state.updateRewardPoolSize(address(market), 100);
        vm.prank(owner);
        state.setRewardAllowance(address(market), true, 1 ether);
    }

    function _update(uint256 slot, uint256 count, uint256 day, uint256 eligible) private {
        vm.prank(sequencer);
        state.updateRewards(address(market), _list(slot), _list(count), day, eligible);
    }

    function _updateRefuses(uint256 slot, uint256 count, uint256 day, uint256 eligible, string memory reason) private {
        vm.prank(sequencer);
        _refuses(reason);
        state.updateRewards(address(market), _list(slot), _list(count), day, eligible);
    }

    function _total(address user) private view returns (uint256 total) {
        (total,,,) = state.userInfo(user);
    }

    function test_aRewardGoesToTheNodesOwner() public {
        vm.expectEmit(true, true, true, true, address(market));
        emit MarketDeskEvents.DailyTaskCompletedEvent(address(101), 1, 1, block.timestamp);
        vm.expectEmit(true, true, true, true, address(market));
        emit MarketDeskEvents.RewardsDistributedEvent(address(101), 1, 1, 25, block.timestamp);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.DailyTaskCompletedEvent(address(market), address(101), 1, 1, block.timestamp);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.RewardsDistributedEvent(address(market), address(101), 1, 1, 25, block.timestamp);
        _update(1, 1000, 1, 4);
        vm.assertEq(state.slotRewardPoints(address(market), 1), 25);
        vm.assertEq(state.getSlotRewards(1), 25);
        vm.assertEq(state.slotRewards(1), 25);
        vm.assertEq(_total(holder), 25);
        vm.assertEq(_total(address(101)), 0);
        vm.assertEq(market.eligibleNodesForDay(1), 4);
        vm.assertEq(market.slotsRemainingToBeRewardedCount(1), 3);
        vm.assertTrue(market.slotRewardsDistributedStatus(1, 1));
        vm.assertFalse(market.slotRewardsDistributedStatus(1, 2));
        vm.assertTrue(state.checkSlotTaskStatusForDay(address(market), 1, 1));
        vm.assertEq(state.getSlotInfo(address(market), 1).rewardPoints, 25);
        vm.assertEq(state.getSlotInfo(address(market), 1).snapshotterAddress, address(101));
        vm.assertEq(state.getSlotInfo(address(market), 1).currentDaySnapshotCount, 1000);
        vm.assertEq(state.getSlotInfo(address(market), 1).slotId, 1);
    }

    function test_theRoleComesFirst() public {
        vm.prank(stranger);
        _refuses("E04");
        state.updateRewards(address(market), _list(1, 2), _list(1), 7, 1);
        vm.startPrank(sequencer);
        _refuses("E44");
        market.updateRewards(1, 1, 1, sequencer);
        _refuses("E44");
        market.updateEligibleNodesForDay(1, 1, sequencer);
        _refuses("E44");
        market.rewardSlots(_list(1), _list(1), new address[](1), 1, 1, sequencer);
        vm.stopPrank();
    }

    function test_lengths() public {
        vm.startPrank(sequencer);
        _refuses("E19");
        state.updateRewards(address(market), _list(1, 2), _list(1), 1, 0);
        _refuses("E19");
        state.updateRewards(address(market), _list(1), _list(1, 2), 1, 0);
        vm.stopPrank();
    }

    function test_days() public {
        _updateRefuses(1, 1000, 2, 4, "E38");
        vm.prank(marketOwner);
        state.loadCurrentDay(address(market), 5);
        _updateRefuses(1, 1000, 3, 4, "E38");
        _updateRefuses(1, 1000, 6, 4, "E38");
        _update(1, 1000, 4, 4);
        _update(1, 1000, 5, 4);
        vm.assertEq(state.getSlotRewards(1), 50);
    }

    function test_belowTheQuotaOnlyTheCountChanges() public {
        vm.recordLogs();
        _update(1, 999, 1, 4);
        vm.assertEq(vm.getRecordedLogs().length, 0);
        vm.assertEq(state.slotSubmissionCount(address(market), 1, 1), 999);
        vm.assertEq(state.getSlotRewards(1), 0);
        _update(1, 500, 1, 0);
        vm.assertEq(state.slotSubmissionCount(address(market), 1, 1), 500);
        vm.assertFalse(state.checkSlotTaskStatusForDay(address(market), 1, 1));
    }

    function test_onceADay() public {
        _update(1, 1000, 1, 4);
        _updateRefuses(1, 1000, 1, 4, "E48");
        _updateRefuses(1, 10, 1, 0, "E48");
    }

    function test_theFirstNumberCounts() public {
        _update(1, 1000, 1, 4);
        _update(2, 1000, 1, 6);
        vm.assertEq(market.eligibleNodesForDay(1), 4);
        vm.assertEq(state.getSlotRewards(2), 25);
    }

    /// @dev W6: pool and number may change during the day; the share does not.
    function test_sharesOfADayAreEqual() public {
        _update(1, 1000, 1, 4);
        vm.prank(marketOwner);
        state.updateRewardPoolSize(address(market), 1_000_000);
        _update(2, 1000, 1, 1);
        vm.assertEq(state.getSlotRewards(2), 25);
    }

    function test_noMoreThanAnnounced() public {
        _update(1, 1000, 1, 1);
        _updateRefuses(2, 1000, 1, 1, "E47");
        // W6: within one call too many are counted, not paid, and do not undo the rest.
        vm.prank(marketOwner);
        state.loadCurrentDay(address(market), 2);
        vm.prank(sequencer);
        state.updateRewards(address(market), _list(1, 2), _list(1000, 1000), 2, 1);
        vm.assertEq(state.getSlotRewards(1), 200);
        vm.assertEq(state.getSlotRewards(2), 0);
        vm.assertEq(market.slotSubmissionCount(2, 2), 1000);
    }

    function test_withoutANumberNothingIsPaidYet() public {
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.DailyTaskCompletedEvent(address(market), address(101), 1, 1, block.timestamp);
        _update(1, 1000, 1, 0);
        vm.assertEq(state.getSlotRewards(1), 0);
        _update(1, 1000, 1, 4);
        vm.assertEq(state.getSlotRewards(1), 25);
        // W6: once the number is known, a call without it pays at both levels.
        _update(2, 1000, 1, 0);
        vm.assertEq(state.slotRewardPoints(address(market), 2), 25);
        vm.assertEq(state.getSlotRewards(2), 25);
        vm.assertEq(_total(holder), 50);
    }

    function test_anEmptyPool() public {
        vm.prank(marketOwner);
        state.updateRewardPoolSize(address(market), 0);
        _update(1, 1000, 1, 4);
        vm.assertTrue(market.slotRewardsDistributedStatus(1, 1));
        vm.assertEq(_total(holder), 0);
    }

    /// @dev The pool may be set after the day's number is known: the deployed contracts divide when they pay.
    function test_aDayThatIsAnnouncedBeforeThePoolIsSetIsPaid() public {
        vm.prank(marketOwner);
        state.updateRewardPoolSize(address(market), 0);
        _update(1, 999, 1, 4);
        vm.prank(marketOwner);
        state.updateRewardPoolSize(address(market), 100);
        _update(1, 1000, 1, 4);
        _update(2, 1000, 1, 0);
        vm.assertEq(state.getSlotRewards(1), 25);
        vm.assertEq(state.slotRewardPoints(address(market), 2), 25);
        vm.assertEq(_total(holder), 50);
    }

    /// @dev Nothing that was paid is paid again, nor divided otherwise, when there is something to share at last.
    function test_whoWasRewardedFromAnEmptyPoolStaysSo() public {
        vm.prank(marketOwner);
        state.updateRewardPoolSize(address(market), 0);
        _update(1, 1000, 1, 4);
        vm.prank(marketOwner);
        state.updateRewardPoolSize(address(market), 100);
        _update(2, 1000, 1, 4);
        vm.assertEq(state.getSlotRewards(1), 0);
        vm.assertEq(state.getSlotRewards(2), 25);
        _updateRefuses(1, 1000, 1, 4, "E48");
    }

    function test_slotsWithoutALivingNodeAreSkipped() public {
        vm.recordLogs();
        _update(1000, 1000, 1, 0);
        // W6: slot 0 is nobody's.
        _update(0, 1000, 1, 4);
        vm.assertEq(vm.getRecordedLogs().length, 0);
        vm.assertEq(_total(address(0)), 0);
        vm.prank(holder);
        nodes.burnNode(3);
        _update(3, 1000, 1, 4);
        vm.assertEq(state.getSlotRewards(3), 0);
        vm.assertEq(state.slotSubmissionCount(address(market), 3, 1), 0);
    }

    function test_theMarketsOwnFunctions() public {
        vm.startPrank(address(state));
        _refuses("E38");
        market.updateEligibleNodesForDay(2, 4, sequencer);
        market.updateEligibleNodesForDay(1, 4, sequencer);
        vm.assertFalse(market.updateRewards(1, 999, 1, sequencer));
        vm.assertTrue(market.updateRewards(1, 1000, 1, sequencer));
        _refuses("E04");
        market.updateRewards(1, 1000, 1, stranger);
        vm.stopPrank();
        vm.assertEq(market.slotRewardPoints(1), 25);
    }

    // ------------------------------------------------------------ claims

    function test_claim() public {
        _update(1, 1000, 1, 4);
        vm.deal(address(state), 1 ether);
        uint256 before = holder.balance;
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.RewardsClaimed(holder, 25, block.timestamp);
        vm.prank(stranger);
        state.claimRewards(holder);
        vm.assertEq(holder.balance, before + 25);
        (uint256 total, uint256 claimed, uint256 lastClaimed, uint256 lastUpdated) = state.userInfo(holder);
        vm.assertEq(total, 25);
        vm.assertEq(claimed, 25);
        vm.assertEq(lastClaimed, block.timestamp);
        vm.assertEq(lastUpdated, block.timestamp);
        _refuses("No rewards to claim");
        state.claimRewards(holder);
        _refuses("No rewards to claim");
        state.claimRewards(stranger);
        _update(2, 1000, 1, 4);
        state.claimRewards(holder);
        vm.assertEq(holder.balance, before + 50);
    }

    function test_claimWithoutFunds() public {
        _update(1, 1000, 1, 4);
        _refuses("Failed to send rewards");
        state.claimRewards(holder);
        vm.assertEq(_total(holder), 25);
    }

    function test_aNestedClaimIsRefused() public {
        // For another who has something to claim: nothing but the guard is in the way.
        address greedy = address(new Reclaimer(holder));
        vm.deal(address(state), 1 ether);
        _credit(greedy);
        _update(2, 1000, 1, 4);
        _refuses("Failed to send rewards");
        state.claimRewards(greedy);
        state.claimRewards(holder);
    }

    function test_aReceiverThatRefusesBlocksOnlyItself() public {
        address refuser = address(new Refuser());
        vm.deal(address(state), 1 ether);
        _credit(refuser);
        _refuses("Failed to send rewards");
        state.claimRewards(refuser);
        _update(2, 1000, 1, 0);
        state.claimRewards(holder);
    }

    /// @dev Rewards slot 1 while the registry says that `account` owns it.
    function _credit(address account) private {
        RegistryOf registry = new RegistryOf(account);
        vm.prank(owner);
        state.updateSnapshotterState(address(registry));
        _update(1, 1000, 1, 4);
        vm.prank(owner);
        state.updateSnapshotterState(address(nodes));
        vm.assertEq(_total(account), 25);
    }

    function test_emergencyWithdraw() public {
        vm.deal(address(this), 1 ether);
        (bool ok,) = address(state).call{value: 1 ether}("");
        vm.assertTrue(ok);
        vm.prank(stranger);
        _refusesStranger(stranger);
        state.emergencyWithdraw();
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.EmergencyWithdraw(owner, 1 ether);
        vm.prank(owner);
        state.emergencyWithdraw();
        vm.assertEq(owner.balance, 1 ether);
    }

    /// @dev While its guard holds, nothing is withdrawn in the middle of a withdrawal.
    function test_aNestedEmergencyWithdrawIsRefused() public {
        Withdrawer withdrawer = new Withdrawer();
        vm.prank(owner);
        state.transferOwnership(address(withdrawer));
        withdrawer.accept(address(state));
        vm.deal(address(state), 1 ether);
        withdrawer.withdraw(address(state));
        vm.assertTrue(withdrawer.failed());
        vm.assertEq(address(withdrawer).balance, 1 ether);
    }

    /// @dev A market's owner may give it other code; of what that credits, so much is credited as is kept of it.
    function test_aMarketThatCreditsTooMuch() public {
        uint256 most = type(uint128).max;
        vm.etch(address(market), address(new GenerousMarket(most - 1)).code);
        _update(1, 1000, 1, 4);
        vm.assertEq(_total(holder), most - 1);
        vm.etch(address(market), address(new GenerousMarket(type(uint256).max)).code);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.RewardsDistributedEvent(address(market), address(102), 2, 1, 1, block.timestamp);
        _update(2, 1000, 1, 4);
        _update(2, 1000, 1, 4);
        vm.assertEq(_total(holder), most);
        vm.assertEq(state.slotRewards(1), most - 1);
        vm.assertEq(state.slotRewards(2), 1);
    }

    /// @dev However slots, counts and calls fall, a day pays at most its pool, and at most one share to a slot.
    function testFuzz_aDayNeverPaysMoreThanItsPool(
        uint128 pool,
        uint8 eligibleSeed,
        uint8[20] calldata slots,
        uint16[20] calldata counts
    ) public {
        vm.prank(marketOwner);
        state.updateRewardPoolSize(address(market), pool);
        uint256 eligible = eligibleSeed % 12;
        for (uint256 i = 0; i < 20; ++i) {
            vm.prank(sequencer);
            try state.updateRewards(
                address(market), _list(slots[i] % 13), _list(counts[i] % 2000), 1, i % 3 == 0 ? eligible : 0
            ) {}
                catch {}
        }
        uint256 paid = 0;
        for (uint256 slot = 0; slot < 13; ++slot) {
            uint256 points = state.getSlotRewards(slot);
            vm.assertEq(points, market.slotRewardPoints(slot));
            if (points != 0) vm.assertEq(points, pool / eligible);
            paid += points;
        }
        vm.assertLe(paid, pool);
        vm.assertEq(paid, _total(holder));
    }
}

/// @dev A registry in which every node is available and belongs to one account.
contract RegistryOf {
    address private immutable account;

    constructor(address account_) {
        account = account_;
    }

    function isNodeAvailable(uint256) external pure returns (bool) {
        return true;
    }

    function nodeSnapshotterMapping(uint256) external view returns (address) {
        return account;
    }

    function nodeIdToOwner(uint256) external view returns (address) {
        return account;
    }
}
