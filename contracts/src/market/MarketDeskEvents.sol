// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Events that the market's desk emits in the market's name
abstract contract MarketDeskEvents {
    /// @notice `validatorAddress` became a validator, or ceased to be one.
    event ValidatorsUpdated(address validatorAddress, bool allowed);
    /// @notice `sequencerAddress` became a sequencer, or ceased to be one.
    event SequencersUpdated(address sequencerAddress, bool allowed);
    /// @notice `adminAddress` became an admin, or ceased to be one.
    event AdminsUpdated(address adminAddress, bool allowed);
    /// @notice A slot was credited `rewardPoints` wei for a day.
    event RewardsDistributedEvent(
        address snapshotterAddress, uint256 slotId, uint256 dayId, uint256 rewardPoints, uint256 timestamp
    );
    /// @notice A slot reached the quota of a day.
    event DailyTaskCompletedEvent(address snapshotterAddress, uint256 slotId, uint256 dayId, uint256 timestamp);
}
