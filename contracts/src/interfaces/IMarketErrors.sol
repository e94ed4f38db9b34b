// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What a data market refuses where the deployed contracts have no short code
/// @notice The protocol state passes them on as they are. `most` is the limit that was exceeded.
interface IMarketErrors {
    /// @notice The owner of the market did not allow batches anchored by their roots alone.
    error RootOnlyBatchesNotAllowed();
    /// @notice A batch has more projects than one transaction can finalize.
    error TooManyProjects(uint256 projects, uint256 most);
    /// @notice An epoch has 65,535 batches.
    error TooManyBatches(uint256 epochId);
    /// @notice A project id has too many bytes.
    error ProjectIdTooLong(uint256 length, uint256 most);
    /// @notice A CID that is none of the packed kinds has too many bytes.
    error CidTooLong(uint256 length, uint256 most);
    /// @notice The code that keeps a batch could not be created; the usual cause is too little gas.
    error BlobNotWritten();
    /// @notice The vote was cast for another content than `anchored`, which the batch of this name has.
    error BatchContentDiffers(bytes31 anchored);
    /// @notice Epoch `fromEpochId` was released before, or will never be: `currentEpochId` is the last.
    error EpochAlreadyReleased(uint256 fromEpochId, uint256 currentEpochId);
    /// @notice The code at `desk` is not that of the desk which this version of the market works with.
    error UnknownDesk(address desk);
    /// @notice The owner of the protocol restricted upgrades of markets, and `implementation` is not among what it allows.
    error MarketCodeNotAllowed(address implementation);
}
