// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Everything that happens in the network, told by one address
/// @notice The market's events with the market in front. Three of them index the batch CID: its keccak256 is the topic.
abstract contract ProtocolStateEvents {
    /// @notice An address became an admin of the market, or ceased to be one.
    event AdminsUpdated(address indexed dataMarketAddress, address adminAddress, bool allowed);
    /// @notice No more batches will come for this epoch.
    event BatchSubmissionsCompleted(address indexed dataMarketAddress, uint256 indexed epochId, uint256 timestamp);
    /// @notice A slot reached the quota of a day.
    event DailyTaskCompletedEvent(
        address indexed dataMarketAddress, address snapshotterAddress, uint256 slotId, uint256 dayId, uint256 timestamp
    );
    /// @notice A market was created at `dataMarketAddress`.
    event DataMarketCreated(
        address indexed ownerAddress,
        uint8 epochSize,
        uint256 sourceChainId,
        uint256 sourceChainBlockTime,
        bool useBlockNumberAsEpochId,
        address protocolState,
        address dataMarketAddress
    );
    /// @notice Day `dayId` began.
    event DayStartedEvent(address indexed dataMarketAddress, uint256 dayId, uint256 timestamp);
    /// @notice A vote came after its window and was not counted.
    event DelayedAttestationSubmitted(
        address indexed dataMarketAddress,
        string batchCid,
        uint256 indexed epochId,
        uint256 timestamp,
        address indexed validatorAddr
    );
    /// @notice A batch came after its window; nothing was stored.
    event DelayedBatchSubmitted(
        address indexed dataMarketAddress, string batchCid, uint256 indexed epochId, uint256 timestamp
    );
    /// @notice Kept for readers of the ABI; never emitted, as snapshots are not submitted on chain.
    event DelayedSnapshotSubmitted(
        address indexed dataMarketAddress,
        address indexed snapshotterAddr,
        uint256 slotId,
        string snapshotCid,
        uint256 indexed epochId,
        string projectId,
        uint256 timestamp
    );
    /// @notice The owner took the balance out.
    event EmergencyWithdraw(address indexed owner, uint256 amount);
    /// @notice An epoch opened. `begin` and `end` are source-chain blocks, inclusive.
    event EpochReleased(
        address indexed dataMarketAddress, uint256 indexed epochId, uint256 begin, uint256 end, uint256 timestamp
    );
    /// @notice A user was paid `amount` wei.
    event RewardsClaimed(address indexed user, uint256 amount, uint256 timestamp);
    /// @notice A slot was credited `rewardPoints` wei for a day.
    event RewardsDistributedEvent(
        address indexed dataMarketAddress,
        address snapshotterAddress,
        uint256 slotId,
        uint256 dayId,
        uint256 rewardPoints,
        uint256 timestamp
    );
    /// @notice An address became a sequencer of the market, or ceased to be one.
    event SequencersUpdated(address indexed dataMarketAddress, address sequencerAddress, bool allowed);
    /// @notice A vote was counted.
    event SnapshotBatchAttestationSubmitted(
        address indexed dataMarketAddress,
        string batchCid,
        uint256 indexed epochId,
        uint256 timestamp,
        address indexed validatorAddr
    );
    /// @notice All snapshots of a batch became final.
    event SnapshotBatchFinalized(
        address indexed dataMarketAddress, uint256 indexed epochId, string indexed batchCid, uint256 timestamp
    );
    /// @notice A batch was stored.
    event SnapshotBatchSubmitted(
        address indexed dataMarketAddress, string batchCid, uint256 indexed epochId, uint256 timestamp
    );
    /// @notice The snapshot of a project became final.
    event SnapshotFinalized(
        address indexed dataMarketAddress,
        uint256 indexed epochId,
        uint256 epochEnd,
        string projectId,
        string snapshotCid,
        uint256 timestamp
    );
    /// @notice The batch has to be sent again.
    event TriggerBatchResubmission(
        address indexed dataMarketAddress, uint256 indexed epochId, string indexed batchCid, uint256 timestamp
    );
    /// @notice `validator` voted for another root than the final one.
    event ValidatorAttestationsInvalidated(
        address indexed dataMarketAddress,
        uint256 indexed epochId,
        string indexed batchCid,
        address validator,
        uint256 timestamp
    );
    /// @notice An address became a validator of the market, or ceased to be one.
    event ValidatorsUpdated(address indexed dataMarketAddress, address validatorAddress, bool allowed);

    /// @notice From epoch `fromEpochId` on the market is about what the file `cid` says.
    event MarketManifestSet(address indexed dataMarketAddress, string cid, uint256 fromEpochId, uint256 timestamp);
    /// @notice What a market's credits are paid from, in wei; all that is granted to no other when `limited` is false.
    event RewardAllowanceSet(address indexed dataMarketAddress, bool limited, uint256 amount);
    /// @notice Markets may be upgraded to any code, or only to allowed code.
    event MarketCodeRestricted(bool restricted);
    /// @notice Markets may be upgraded to this code, or not any more.
    event MarketCodeAllowed(address indexed implementation, bool allowed);
}
