// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What the protocol state asks of the node registry
interface INodes {
    /// @notice Whether the node exists and is not burned.
    function isNodeAvailable(uint256 _nodeId) external view returns (bool);

    /// @notice The snapshotter of a node, zero when none is assigned.
    function nodeSnapshotterMapping(uint256 nodeId) external view returns (address);

    /// @notice Who minted the node; stays after burning.
    function nodeIdToOwner(uint256 nodeId) external view returns (address);

    /// @notice Number of nodes ever minted.
    function nodeCount() external view returns (uint256);

    /// @notice Number of nodes with a snapshotter assigned.
    function enabledNodeCount() external view returns (uint256);

    /// @notice The same number under its older name.
    function getTotalSnapshotterCount() external view returns (uint256);

    /// @notice Whether the address is the snapshotter of at least one node.
    function allSnapshotters(address snapshotter) external view returns (bool);
}
