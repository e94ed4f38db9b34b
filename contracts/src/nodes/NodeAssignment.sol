// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RoleSet} from "../market/RoleSet.sol";
import {NodeBase} from "./NodeBase.sol";

/// @title Which snapshotter works for which node
abstract contract NodeAssignment is NodeBase {
    using RoleSet for RoleSet.Set;

    /// @notice The node has another snapshotter.
    event SnapshotterAddressChanged(uint256 nodeId, address oldSnapshotter, address newSnapshotter);
    /// @notice An address became the snapshotter of its first node (`true`), or ceased to be of its last.
    event allSnapshottersUpdated(address snapshotterAddress, bool allowed);

    /// @notice Assigns a snapshotter to the sender's node. Errors, in this order: "Only the owner can assign a
    /// snapshotter", "Snapshotter address change cooldown not yet met", "Snapshotter address cannot be 0", "Node is
    /// burned", "Same address already assigned".
    function assignSnapshotterToNode(uint256 nodeId, address snapshotterAddress) external {
        _assignOwn(nodeId, snapshotterAddress);
    }

    /// @notice The same for several nodes. Errors: "Input lengths do not match", and those above.
    function assignSnapshotterToNodeBulk(uint256[] calldata nodeIds, address[] calldata snapshotterAddresses) external {
        require(nodeIds.length == snapshotterAddresses.length, "Input lengths do not match");
        for (uint256 i = 0; i < nodeIds.length; ++i) {
            _assignOwn(nodeIds[i], snapshotterAddresses[i]);
        }
    }

    /// @notice Assigns a snapshotter to any node, without a cooldown. Errors: "Only owner or admin can call this
    /// function!", "Node ID is out of bounds", "Snapshotter address cannot be 0", "Node is burned", "Same address already
    /// assigned".
    function assignSnapshotterToNodeAdmin(uint256 nodeId, address snapshotterAddress) external {
        _checkOwnerOrAdmin();
        _checkId(nodeId);
        _assign(nodeId, snapshotterAddress);
    }

    /// @notice The same for several nodes. Errors: "Only owner or admin can call this function!", "Input lengths do not
    /// match", and those above.
    function assignSnapshotterToNodeBulkAdmin(uint256[] calldata nodeIds, address[] calldata snapshotterAddresses)
        external
    {
        _checkOwnerOrAdmin();
        require(nodeIds.length == snapshotterAddresses.length, "Input lengths do not match");
        for (uint256 i = 0; i < nodeIds.length; ++i) {
            _checkId(nodeIds[i]);
            _assign(nodeIds[i], snapshotterAddresses[i]);
        }
    }

    function _checkOwnerOrAdmin() private view {
        require(msg.sender == owner() || self.admins.has(msg.sender), "Only owner or admin can call this function!");
    }

    function _assignOwn(uint256 nodeId, address snapshotter) private {
        Node storage node = self.nodes[nodeId];
        require(msg.sender == node.owner, "Only the owner can assign a snapshotter");
        uint256 cooldown = self.addressChangeCooldown;
        // A cooldown beyond all time means never, not an overflow.
        require(block.timestamp - node.lastUpdated >= cooldown, "Snapshotter address change cooldown not yet met");
        _assign(nodeId, snapshotter);
    }

    function _assign(uint256 nodeId, address snapshotter) private {
        Node storage node = self.nodes[nodeId];
        require(snapshotter != address(0), "Snapshotter address cannot be 0");
        require(node.burnedOn == 0, "Node is burned");
        address former = node.snapshotter;
        require(former != snapshotter, "Same address already assigned");
        if (!node.active) {
            node.active = true;
            self.enabledCount += 1;
        }
        _leave(former);
        node.snapshotter = snapshotter;
        node.lastUpdated = uint40(block.timestamp);
        node.lastSnapshotterChange = uint40(block.timestamp);
        if (++self.nodesOf[snapshotter] == 1) emit allSnapshottersUpdated(snapshotter, true);
        emit SnapshotterAddressChanged(nodeId, former, snapshotter);
    }

    /// @dev One node less for a snapshotter.
    function _leave(address snapshotter) internal {
        if (snapshotter == address(0)) return;
        if (--self.nodesOf[snapshotter] == 0) emit allSnapshottersUpdated(snapshotter, false);
    }

    /// @notice The snapshotter of a node; zero when none is assigned or the node is burned.
    function nodeSnapshotterMapping(uint256 nodeId) external view returns (address) {
        return self.nodes[nodeId].snapshotter;
    }

    /// @notice When a node's snapshotter changed last, in seconds since 1970; 0 when never.
    function lastSnapshotterChange(uint256 nodeId) external view returns (uint256) {
        return self.nodes[nodeId].lastSnapshotterChange;
    }

    /// @notice Whether the address is the snapshotter of at least one node.
    function allSnapshotters(address snapshotter) external view returns (bool) {
        return self.nodesOf[snapshotter] != 0;
    }

    /// @notice Number of nodes with a snapshotter.
    function enabledNodeCount() external view returns (uint256) {
        return self.enabledCount;
    }

    /// @notice The same under its older name: it counts nodes, not addresses.
    function getTotalSnapshotterCount() external view returns (uint256) {
        return self.enabledCount;
    }
}
