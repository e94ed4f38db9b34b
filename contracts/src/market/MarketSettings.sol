// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataMarket} from "../interfaces/IDataMarket.sol";
import {MarketDeskEvents} from "./MarketDeskEvents.sol";
import {MarketFront} from "./MarketFront.sol";
import {RoleSet} from "./RoleSet.sol";

/// @title What the owner of a data market sets
/// @notice Setters are carried out by `MarketDesk`. They, and all that is, fail with `UnknownDesk` after an upgrade to code
/// with another desk, until that is adopted.
abstract contract MarketSettings is MarketFront, MarketDeskEvents {
    using RoleSet for RoleSet.Set;

    /// @notice Grants (`true`) or takes (`false`) a role, address by address. Errors: E44, E03, E19.
    /// @return changed whether any address changed
    function updateAddresses(
        IDataMarket.Role role,
        address[] calldata _addresses,
        bool[] calldata _status,
        address _sender
    ) external returns (bool changed) {
        _toDesk();
    }

    /// @notice Names the sequencer's network identity, for humans and discovery. Errors: E44, E08.
    function setSequencerId(string calldata _sequencerId, address _sender) external {
        _toDesk();
    }

    /// @notice Votes that the leading root needs at least. Errors: E44, E03, E45.
    function updateMinAttestationsForConsensus(uint256 _minAttestationsForConsensus, address _sender) external {
        _toDesk();
    }

    /// @notice Blocks after release in which snapshotters should submit; not enforced on chain, only compared with the
    /// batch window once that is set. Errors: E44, E03, E45 (zero), E41 (not below the batch window).
    function updateSnapshotSubmissionWindow(uint256 newsnapshotSubmissionWindow, address _sender) external {
        _toDesk();
    }

    /// @notice Blocks after release in which batches are accepted, inclusive.
    /// Errors: E44, E03, E45 (zero), E41 (not above the snapshot window), E42 (not below the attestation window).
    function updateBatchSubmissionWindow(uint256 newbatchSubmissionWindow, address _sender) external {
        _toDesk();
    }

    /// @notice Blocks after release in which votes count, inclusive.
    /// Errors: E44, E03, E42 (not above the batch window, or that is not set).
    function updateAttestationSubmissionWindow(uint256 newattestationSubmissionWindow, address _sender) external {
        _toDesk();
    }

    /// @notice Snapshots a slot has to deliver on a day to share the pool. Errors: E44, E03, E45.
    function updateDailySnapshotQuota(uint256 _dailySnapshotQuota, address _sender) external {
        _toDesk();
    }

    /// @notice Wei shared by the eligible slots of each day; 0 is allowed. Errors: E44, E03.
    function updateRewardPoolSize(uint256 newRewardPoolSize, address _sender) external {
        _toDesk();
    }

    /// @notice The one address that releases epochs. Errors: E44, E03, E45.
    function updateEpochManager(address _address, address _sender) external {
        _toDesk();
    }

    /// @notice Flips a flag that off-chain services read; no function of this contract depends on it. Errors: E44, E03.
    function toggleRewards(address _sender) external {
        _toDesk();
    }

    /// @notice Lets sequencers anchor batches by their roots alone, or not. Errors: E44, E03.
    function setRootOnlyBatches(bool allowed, address _sender) external {
        _toDesk();
    }

    /// @notice Says what the market is about from an epoch on that is not released yet: the CID of its manifest. One that has not
    /// begun is replaced. Errors: E44, E08, E45 (no CID), `CidTooLong`, `EpochAlreadyReleased`.
    function setMarketManifest(string calldata cid, uint256 fromEpochId, address _sender) external {
        _toDesk();
    }

    /// @notice The manifest of the epoch released last and the one that begins later; empty where there is none. Before the
    /// first release every manifest is one that begins later.
    function marketManifest()
        external
        view
        returns (string memory cid, uint256 fromEpochId, string memory pendingCid, uint256 pendingFromEpochId)
    {
        _askDesk();
    }

    /// @notice The manifest that applies to an epoch, and the epoch that it applies from; ("", 0) when there is none. The one
    /// before it applies to `fromEpochId - 1`.
    function marketManifestAt(uint256 epochId) external view returns (string memory cid, uint256 fromEpochId) {
        _askDesk();
    }

    /// @notice Sets the day counter, for migrations. Errors: E44, E03.
    function loadCurrentDay(uint256 _dayCounter, address _sender) external {
        _toDesk();
    }

    /// @notice The name set with `setSequencerId`.
    function sequencerId() external view returns (string memory) {
        return self.sequencerId;
    }

    /// @notice Votes that the leading root needs at least.
    function minAttestationsForConsensus() external view returns (uint256) {
        return self.minAttestations;
    }

    /// @notice In blocks, 0 while not set.
    function snapshotSubmissionWindow() external view returns (uint256) {
        return self.snapshotWindow;
    }

    /// @notice In blocks, 0 while not set.
    function batchSubmissionWindow() external view returns (uint256) {
        return self.batchWindow;
    }

    /// @notice In blocks, 0 while not set.
    function attestationSubmissionWindow() external view returns (uint256) {
        return self.attestationWindow;
    }

    /// @notice Snapshots per slot and day.
    function dailySnapshotQuota() external view returns (uint256) {
        return self.dailySnapshotQuota;
    }

    /// @notice In wei per day.
    function rewardPoolSize() external view returns (uint256) {
        return self.rewardPoolSize;
    }

    /// @notice See `toggleRewards`.
    function rewardsEnabled() external view returns (bool) {
        return self.rewardsEnabled;
    }

    /// @notice The one address that releases epochs.
    function epochManager() external view returns (address) {
        return self.epochManager;
    }

    /// @notice The same under its older name.
    function getEpochManager() external view returns (address) {
        return self.epochManager;
    }

    /// @notice Whether `_address` releases epochs.
    function isEpochManager(address _address) external view returns (bool) {
        return _address == self.epochManager;
    }

    /// @notice Whether `ownerAddress` owns this market.
    function isOwner(address ownerAddress) external view returns (bool) {
        return ownerAddress == owner();
    }

    /// @notice Whether `_address` owns this market or is one of its admins.
    function isOwnerOrAdmin(address _address) public view returns (bool) {
        return _address == owner() || self.admins.has(_address);
    }

    /// @notice Whether `adminAddress` is an admin.
    function isAdmin(address adminAddress) external view returns (bool) {
        return self.admins.has(adminAddress);
    }

    /// @notice Whether `sequencerAddress` may send batches and rewards.
    function isSequencer(address sequencerAddress) external view returns (bool) {
        return self.sequencers.has(sequencerAddress);
    }

    /// @notice Whether `validatorAddress` may vote.
    function isValidator(address validatorAddress) external view returns (bool) {
        return self.validators.has(validatorAddress);
    }

    /// @notice All admins, in no particular order.
    function getAdmins() external view returns (address[] memory) {
        return self.admins.members;
    }

    /// @notice All sequencers, in no particular order.
    function getSequencers() external view returns (address[] memory) {
        return self.sequencers.members;
    }

    /// @notice All validators, in no particular order.
    function getValidators() external view returns (address[] memory) {
        return self.validators.members;
    }

    /// @notice Number of sequencers.
    function getTotalSequencersCount() external view returns (uint256) {
        return self.sequencers.members.length;
    }

    /// @notice Number of validators; more than half of them make a majority.
    function getTotalValidatorsCount() external view returns (uint256) {
        return self.validators.members.length;
    }
}
