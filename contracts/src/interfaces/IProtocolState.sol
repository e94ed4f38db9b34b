// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What a data market and the factory ask of the protocol state
interface IProtocolState {
    /// @notice Whether the owner of the protocol lets this market release epochs and take batches and rewards.
    function dataMarketEnabled(address dataMarketAddress) external view returns (bool);

    /// @notice Whether markets may be upgraded to this code.
    function marketCodeAllowed(address implementation) external view returns (bool);

    /// @notice Number of nodes with a snapshotter assigned.
    function getTotalSnapshotterCount() external view returns (uint256);

    /// @notice The snapshotter of a slot, zero when none is assigned.
    function slotSnapshotterMapping(uint256 slotId) external view returns (address);

    /// @notice The desk of new markets: code that they run on their own state for whatever does not happen every epoch.
    function marketDesk() external view returns (address);
}
