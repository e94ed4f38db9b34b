// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataMarket} from "../interfaces/IDataMarket.sol";
import {IProtocolState} from "../interfaces/IProtocolState.sol";
import {Lanes} from "./Lanes.sol";
import {MarketDeskEvents} from "./MarketDeskEvents.sol";
import {MarketFront} from "./MarketFront.sol";

/// @title Daily snapshot counts of slots, and the points they earn
/// @notice The first call of a day that names a number of eligible slots fixes how many share the pool, the first slot that is
/// paid fixes the share of each: pool / number. No more
/// slots than announced are rewarded on that day, so a day never pays more than its pool. Booked by `MarketDesk`.
abstract contract MarketRewards is MarketFront, MarketDeskEvents {
    using Lanes for mapping(uint256 => uint256);

    /// @notice Announces how many slots share the pool of a day; a later number for the same day is ignored.
    /// Errors: E44, E04, E38 (neither today nor yesterday), E47 (all of them are rewarded).
    function updateEligibleNodesForDay(uint256 day, uint256 eligibleNodes, address _sender) external {
        _toDesk();
    }

    /// @notice Records a slot's snapshots of a day and rewards it if it reached the quota and the day's number of eligible
    /// slots is known. Errors: E44, E04, E38, E48 (already rewarded for that day).
    /// @return whether the quota was reached
    function updateRewards(uint256 slotId, uint256 submissions, uint256 day, address _sender) external returns (bool) {
        _toDesk();
    }

    /// @notice The same for many slots in one call. See `IDataMarket`. Errors: E44, E04, E19, E38, E47, E48.
    function rewardSlots(
        uint256[] calldata slotIds,
        uint256[] calldata counts,
        address[] calldata snapshotters,
        uint256 day,
        uint256 eligible,
        address sender
    ) external returns (uint256 share, IDataMarket.SlotOutcome[] memory outcomes) {
        _toDesk();
    }

    /// @notice Overwrites a slot's count of a day, for migrations. Errors: E44, E03.
    function loadSlotSubmissions(uint256 slotId, uint256 dayId, uint256 snapshotCount, address _sender) external {
        _toDesk();
    }

    function _slotDay(uint256 slotId, uint256 day) private view returns (uint256) {
        return self.slotDays[day].get(slotId, SLOT_WIDTH);
    }

    /// @notice Snapshots of a slot on a day, as last recorded.
    function slotSubmissionCount(uint256 slotId, uint256 dayId) public view returns (uint256 snapshotCount) {
        return _slotDay(slotId, dayId) & SLOT_COUNT;
    }

    /// @notice Whether a slot was rewarded for a day.
    function slotRewardsDistributedStatus(uint256 dayId, uint256 slotId)
        external
        view
        returns (bool rewardsDistributed)
    {
        return _slotDay(slotId, dayId) & SLOT_REWARDED != 0;
    }

    /// @notice Wei that this market credited to a slot, over all days.
    function slotRewardPoints(uint256 slotId) external view returns (uint256 slotRewardPoints) {
        return self.slotPoints[slotId];
    }

    /// @notice Slots that share the pool of a day; 0 when not announced yet.
    function eligibleNodesForDay(uint256 dayId) external view returns (uint256 eligibleNodes) {
        return self.rewardDays[dayId].eligible;
    }

    /// @notice How many of them are still to be rewarded.
    function slotsRemainingToBeRewardedCount(uint256 dayId) external view returns (uint256 slotsRemainingToBeRewarded) {
        return self.rewardDays[dayId].remaining;
    }

    /// @notice Whether a slot reached the quota of a day.
    function checkSlotTaskStatusForDay(uint256 slotId, uint256 day) external view returns (bool) {
        return slotSubmissionCount(slotId, day) >= self.dailySnapshotQuota;
    }

    /// @notice A slot with its snapshotter, points and count of the current day.
    function getSlotInfo(uint256 slotId) external view returns (IDataMarket.SlotInfo memory) {
        _askDesk();
    }

    /// @notice Number of nodes of the network with a snapshotter assigned.
    function getTotalSnapshotterCount() external view returns (uint256) {
        return IProtocolState(self.protocolState).getTotalSnapshotterCount();
    }
}
