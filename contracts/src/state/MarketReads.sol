// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataMarket} from "../interfaces/IDataMarket.sol";
import {MarketBatches} from "../market/MarketBatches.sol";
import {MarketConsensus} from "../market/MarketConsensus.sol";
import {MarketEpochs} from "../market/MarketEpochs.sol";
import {MarketRewards} from "../market/MarketRewards.sol";
import {MarketSettings} from "../market/MarketSettings.sol";
import {MarketCalls} from "./MarketCalls.sol";

/// @title What the protocol state tells about a market, by asking it
/// @notice Each function is the market's function of the same meaning; the answer is passed back unread. They fail
/// without a reason for an address that is no market.
abstract contract MarketReads is MarketCalls {
    /// @notice A day in 10⁻⁴ seconds.
    function DAY_SIZE(address dataMarket) external view returns (uint256) {
        _ask(dataMarket, MarketEpochs.DAY_SIZE.selector, 1);
    }

    /// @notice Source-chain blocks per epoch.
    function EPOCH_SIZE(address dataMarket) external view returns (uint8) {
        _ask(dataMarket, MarketEpochs.EPOCH_SIZE.selector, 1);
    }

    /// @notice Time between two source-chain blocks, in 10⁻⁴ seconds.
    function SOURCE_CHAIN_BLOCK_TIME(address dataMarket) external view returns (uint256) {
        _ask(dataMarket, MarketEpochs.SOURCE_CHAIN_BLOCK_TIME.selector, 1);
    }

    /// @notice Id of the chain that the data comes from.
    function SOURCE_CHAIN_ID(address dataMarket) external view returns (uint256) {
        _ask(dataMarket, MarketEpochs.SOURCE_CHAIN_ID.selector, 1);
    }

    /// @notice Whether an epoch's id is its last block.
    function USE_BLOCK_NUMBER_AS_EPOCH_ID(address dataMarket) external view returns (bool) {
        _ask(dataMarket, MarketEpochs.USE_BLOCK_NUMBER_AS_EPOCH_ID.selector, 1);
    }

    /// @notice Blocks after release in which votes count, inclusive.
    function attestationSubmissionWindow(address dataMarket) external view returns (uint256) {
        _ask(dataMarket, MarketSettings.attestationSubmissionWindow.selector, 1);
    }

    /// @notice Whether the validator voted on the batch, in time or late.
    function attestationsReceived(address dataMarket, string calldata batchCid, address validator)
        external
        view
        returns (bool)
    {
        _ask(dataMarket, MarketConsensus.attestationsReceived.selector, 3, batchCid);
    }

    /// @notice Votes in time for a root.
    function attestationsReceivedCount(address dataMarket, string calldata batchCid, bytes32 finalizedCidsRootHash)
        external
        view
        returns (uint256)
    {
        _ask(dataMarket, MarketConsensus.attestationsReceivedCount.selector, 3, batchCid);
    }

    /// @notice Whether the batch is final.
    function batchCidAttestationStatus(address dataMarket, string calldata batchCid) external view returns (bool) {
        _ask(dataMarket, MarketConsensus.batchCidAttestationStatus.selector, 2, batchCid);
    }

    /// @notice One of the validators that voted for another root than the sequencer's, from 0, in order of voting.
    function batchCidDivergentValidators(address dataMarket, string calldata batchCid, uint256 idx)
        external
        view
        returns (address)
    {
        _ask(dataMarket, MarketConsensus.batchCidDivergentValidators.selector, 3, batchCid);
    }

    /// @notice The root that the sequencer anchored with the batch.
    function batchCidSequencerAttestation(address dataMarket, string calldata batchCid)
        external
        view
        returns (bytes32)
    {
        _ask(dataMarket, MarketBatches.batchCidSequencerAttestation.selector, 2, batchCid);
    }

    /// @notice What an anchored batch says of which projects; see `submitContentAttestation`.
    function batchCidContentHash(address dataMarket, string calldata batchCid, uint256 epochId)
        external
        view
        returns (bytes31)
    {
        _ask(dataMarket, MarketConsensus.batchCidContentHash.selector, 3, batchCid);
    }

    /// @notice The projects of a batch, in order of submission.
    function batchCidToProjects(address dataMarket, string calldata batchCid) external view returns (string[] memory) {
        _ask(dataMarket, MarketBatches.getBatchCidToProjects.selector, 2, batchCid);
    }

    /// @notice Blocks after release in which batches are accepted, inclusive.
    function batchSubmissionWindow(address dataMarket) external view returns (uint256) {
        _ask(dataMarket, MarketSettings.batchSubmissionWindow.selector, 1);
    }

    /// @notice Whether `forceCompleteConsensusAttestations` would make the batch final.
    function checkDynamicConsensusAttestations(address dataMarket, string calldata batchCid, uint256 epochId)
        external
        view
        returns (bool)
    {
        _ask(dataMarket, MarketConsensus.checkDynamicConsensusAttestations.selector, 3, batchCid);
    }

    /// @notice Whether a slot reached the quota of a day.
    function checkSlotTaskStatusForDay(address dataMarket, uint256 slotId, uint256 day) external view returns (bool) {
        _ask(dataMarket, MarketRewards.checkSlotTaskStatusForDay.selector, 3);
    }

    /// @notice The epoch released last; zeros before the first.
    function currentEpoch(address dataMarket) external view returns (uint256 begin, uint256 end, uint256 epochId) {
        _ask(dataMarket, MarketEpochs.currentEpoch.selector, 1);
    }

    /// @notice Snapshots per slot and day.
    function dailySnapshotQuota(address dataMarket) external view returns (uint256) {
        _ask(dataMarket, MarketSettings.dailySnapshotQuota.selector, 1);
    }

    /// @notice The current day, from 1.
    function dayCounter(address dataMarket) external view returns (uint256) {
        _ask(dataMarket, MarketEpochs.dayCounter.selector, 1);
    }

    /// @notice Block in which the market was created.
    function deploymentBlockNumber(address dataMarket) external view returns (uint256) {
        _ask(dataMarket, MarketEpochs.deploymentBlockNumber.selector, 1);
    }

    /// @notice The CIDs of the batches of an epoch, in order of submission.
    function epochIdToBatchCids(address dataMarket, uint256 epochId) external view returns (string[] memory) {
        _ask(dataMarket, MarketBatches.getEpochIdToBatchCids.selector, 2);
    }

    /// @notice When and in which block an epoch was released, and the last source-chain block of its range.
    function epochInfo(address dataMarket, uint256 epochId)
        external
        view
        returns (uint256 timestamp, uint256 blocknumber, uint256 epochEnd)
    {
        _ask(dataMarket, MarketEpochs.epochInfo.selector, 2);
    }

    /// @notice The one address that releases epochs.
    function epochManager(address dataMarket) external view returns (address) {
        _ask(dataMarket, MarketSettings.epochManager.selector, 1);
    }

    /// @notice Whole epochs that fit into a day.
    function epochsInADay(address dataMarket) external view returns (uint256) {
        _ask(dataMarket, MarketEpochs.epochsInADay.selector, 1);
    }

    /// @notice The same under its older name.
    function getEpochManager(address dataMarket) external view returns (address) {
        _ask(dataMarket, MarketSettings.getEpochManager.selector, 1);
    }

    /// @notice The name of the sequencer's network identity.
    function getSequencerId(address dataMarket) external view returns (string memory) {
        _ask(dataMarket, MarketSettings.sequencerId.selector, 1);
    }

    /// @notice All sequencers, in no particular order.
    function getSequencers(address dataMarket) external view returns (address[] memory) {
        _ask(dataMarket, MarketSettings.getSequencers.selector, 1);
    }

    /// @notice A slot with its snapshotter, points and count of the current day.
    function getSlotInfo(address dataMarket, uint256 slotId) external view returns (IDataMarket.SlotInfo memory) {
        _ask(dataMarket, MarketRewards.getSlotInfo.selector, 2);
    }

    /// @notice Number of sequencers.
    function getTotalSequencersCount(address dataMarket) external view returns (uint256) {
        _ask(dataMarket, MarketSettings.getTotalSequencersCount.selector, 1);
    }

    /// @notice Number of validators.
    function getTotalValidatorsCount(address dataMarket) external view returns (uint256) {
        _ask(dataMarket, MarketSettings.getTotalValidatorsCount.selector, 1);
    }

    /// @notice All validators, in no particular order.
    function getValidators(address dataMarket) external view returns (address[] memory) {
        _ask(dataMarket, MarketSettings.getValidators.selector, 1);
    }

    /// @notice The latest epoch for which the project has a final snapshot.
    function lastFinalizedSnapshot(address dataMarket, string calldata projectId) external view returns (uint256) {
        _ask(dataMarket, MarketBatches.lastFinalizedSnapshot.selector, 2, projectId);
    }

    /// @notice The latest epoch for which the project was in a batch.
    function lastSequencerFinalizedSnapshot(address dataMarket, string calldata projectId)
        external
        view
        returns (uint256)
    {
        _ask(dataMarket, MarketBatches.lastSequencerFinalizedSnapshot.selector, 2, projectId);
    }

    /// @notice The root in the lead; zero before the first vote and when two are level.
    function maxAttestationFinalizedRootHash(address dataMarket, string calldata batchCid)
        external
        view
        returns (bytes32)
    {
        _ask(dataMarket, MarketConsensus.maxAttestationFinalizedRootHash.selector, 2, batchCid);
    }

    /// @notice Votes for the most popular root.
    function maxAttestationsCount(address dataMarket, string calldata batchCid) external view returns (uint256) {
        _ask(dataMarket, MarketConsensus.maxAttestationsCount.selector, 2, batchCid);
    }

    /// @notice CID and status (0 pending, 1 final) of a project's snapshot; ("", 0) when there is none.
    function maxSnapshotsCid(address dataMarket, string calldata projectId, uint256 epochId)
        external
        view
        returns (string memory, uint8)
    {
        _ask(dataMarket, MarketBatches.maxSnapshotsCid.selector, 3, projectId);
    }

    /// @notice The manifest of the epoch released last and the one that begins later, each with the epoch that it applies from;
    /// empty where there is none.
    function marketManifest(address dataMarket)
        external
        view
        returns (string memory cid, uint256 fromEpochId, string memory pendingCid, uint256 pendingFromEpochId)
    {
        _ask(dataMarket, MarketSettings.marketManifest.selector, 1);
    }

    /// @notice The manifest that applies to an epoch, and the epoch that it applies from; ("", 0) when there is none. The one
    /// before it applies to `fromEpochId - 1`.
    function marketManifestAt(address dataMarket, uint256 epochId)
        external
        view
        returns (string memory cid, uint256 fromEpochId)
    {
        _ask(dataMarket, MarketSettings.marketManifestAt.selector, 2);
    }

    /// @notice Votes that the leading root needs at least.
    function minAttestationsForConsensus(address dataMarket) external view returns (uint256) {
        _ask(dataMarket, MarketSettings.minAttestationsForConsensus.selector, 1);
    }

    /// @notice The first epoch for which the project was in a batch.
    function projectFirstEpochId(address dataMarket, string calldata projectId) external view returns (uint256) {
        _ask(dataMarket, MarketBatches.projectFirstEpochId.selector, 2, projectId);
    }

    /// @notice In wei per day.
    function rewardPoolSize(address dataMarket) external view returns (uint256) {
        _ask(dataMarket, MarketSettings.rewardPoolSize.selector, 1);
    }

    /// @notice See `toggleRewards`.
    function rewardsEnabled(address dataMarket) external view returns (bool) {
        _ask(dataMarket, MarketSettings.rewardsEnabled.selector, 1);
    }

    /// @notice Wei that this market credited to a slot.
    function slotRewardPoints(address dataMarket, uint256 slotId) external view returns (uint256) {
        _ask(dataMarket, MarketRewards.slotRewardPoints.selector, 2);
    }

    /// @notice Snapshots of a slot on a day, as last recorded.
    function slotSubmissionCount(address dataMarket, uint256 slotId, uint256 dayId) external view returns (uint256) {
        _ask(dataMarket, MarketRewards.slotSubmissionCount.selector, 3);
    }

    /// @notice Status (0 pending or none, 1 final), CID and time of a project's snapshot.
    function snapshotStatus(address dataMarket, string calldata projectId, uint256 epochId)
        external
        view
        returns (uint8 status, string memory snapshotCid, uint256 timestamp)
    {
        _ask(dataMarket, MarketBatches.snapshotStatus.selector, 3, projectId);
    }

    /// @notice Blocks in which snapshotters should submit.
    function snapshotSubmissionWindow(address dataMarket) external view returns (uint256) {
        _ask(dataMarket, MarketSettings.snapshotSubmissionWindow.selector, 1);
    }
}
