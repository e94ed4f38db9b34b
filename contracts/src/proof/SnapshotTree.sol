// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The tree over the texts of a batch
/// @notice Append-only, 32 levels, SHA-256. A leaf is the hash of a text; places not filled yet are 32 zero bytes. What is
/// published is keccak256 of the root. Every proof climbs all 32 levels, so an inner node never passes for a leaf.
library SnapshotTree {
    uint256 internal constant HEIGHT = 32;

    /// @notice Whether `text` is leaf `index` of the tree published as `published`.
    /// @param siblings from the leaf upwards; those left out at the top are empty subtrees
    function isLeaf(bytes32 published, string memory text, uint256 index, bytes32[] memory siblings)
        internal
        pure
        returns (bool)
    {
        // Above the last sibling the path can only be on the left, since nothing lies to the right of it.
        if (siblings.length > HEIGHT || index >> siblings.length != 0) return false;
        bytes32 node = sha256(bytes(text));
        bytes32 empty = 0;
        for (uint256 level = 0; level < HEIGHT; ++level) {
            if (level >= siblings.length) node = _parent(node, empty);
            else if (index >> level & 1 == 0) node = _parent(node, siblings[level]);
            else node = _parent(siblings[level], node);
            empty = _parent(empty, empty);
        }
        return keccak256(abi.encode(node)) == published;
    }

    function _parent(bytes32 left, bytes32 right) private pure returns (bytes32) {
        return sha256(abi.encode(left, right));
    }
}
