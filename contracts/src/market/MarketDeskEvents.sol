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
    /// @notice A vote was counted.
    event SnapshotBatchAttestationSubmitted(
        string batchCid, uint256 indexed epochId, uint256 timestamp, address indexed validatorAddr
    );
    /// @notice A vote came after its window and was not counted.
    event DelayedAttestationSubmitted(
        string batchCid, uint256 indexed epochId, uint256 timestamp, address indexed validatorAddr
    );
    /// @notice The snapshot of a project became final.
    event SnapshotFinalized(
        uint256 indexed epochId, uint256 epochEnd, string projectId, string snapshotCid, uint256 timestamp
    );
    /// @notice All snapshots of a batch became final.
    event SnapshotBatchFinalized(uint256 indexed epochId, string batchCid, uint256 timestamp);
    /// @notice The batch was refuted, or its completion failed; a corrected one may take over its projects.
    event TriggerBatchResubmission(uint256 indexed epochId, string batchCid, uint256 timestamp);
    /// @notice `validator` voted for another root than the final one.
    event ValidatorAttestationsInvalidated(
        uint256 indexed epochId, string batchCid, address validator, uint256 timestamp
    );
    /// @notice From epoch `fromEpochId` on the market is about what the file `cid` says.
    event MarketManifestSet(string cid, uint256 fromEpochId, uint256 timestamp);
}
