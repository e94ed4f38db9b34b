// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {NodeBase} from "./NodeBase.sol";

/// @title How nodes come into being, and who has them
abstract contract NodeMinting is NodeBase {
    /// @notice A node was minted.
    event NodeMinted(address indexed to, uint256 nodeId);

    /// @notice Mints `amount` public nodes for the sender; what was sent above the price is returned.
    /// Errors: `EnforcedPause`, "Amount must be greater than 0", "Mint is not open yet", "Mint start time is not set",
    /// "Not enough Power!", "Max supply reached", "Node count must be greater than legacy node count" (legacy nodes have
    /// to be minted first), "Transfer failed".
    function mintNode(uint256 amount) external payable whenNotPaused nonReentrant {
        require(amount > 0, "Amount must be greater than 0");
        require(block.timestamp >= self.mintStartTime, "Mint is not open yet");
        require(self.mintStartTime != 0, "Mint start time is not set");
        uint256 price = self.nodePrice;
        uint256 cost = amount * price;
        require(msg.value >= cost, "Not enough Power!");
        require(self.nodeCount >= self.legacy.count, "Node count must be greater than legacy node count");
        _mintNodes(msg.sender, amount, Mint(uint112(price), 0, false, false));
        if (msg.value > cost) _pay(msg.sender, msg.value - cost);
    }

    /// @notice Mints legacy nodes. Owner only. Errors: "Amount must be greater than 0", "Legacy nodes are not configured
    /// yet!", "Node count exceeds legacy node count", "Max supply reached".
    function adminMintLegacyNodes(address _to, uint256 _amount, bool _isKyced) external onlyOwner nonReentrant {
        require(_amount > 0, "Amount must be greater than 0");
        LegacyConfig storage legacy = self.legacy;
        require(legacy.count != 0, "Legacy nodes are not configured yet!");
        require(self.nodeCount + _amount <= legacy.count, "Node count exceeds legacy node count");
        _mintNodes(_to, _amount, Mint(uint112(legacy.value), uint112(legacy.sentOnL1), true, _isKyced));
    }

    /// @dev What all nodes of one mint have in common.
    struct Mint {
        uint112 price;
        uint112 amountSentOnL1;
        bool isLegacy;
        bool isKyced;
    }

    function _mintNodes(address to, uint256 amount, Mint memory mint) private {
        uint256 first = self.nodeCount + 1;
        require(amount <= self.maxSupply && first + amount - 1 <= self.maxSupply, "Max supply reached");
        self.nodeCount = uint32(first + amount - 1);
        uint32[] storage living = self.living[to];
        for (uint256 id = first; id < first + amount; ++id) {
            Node storage node = self.nodes[id];
            node.owner = to;
            node.mintedOn = uint40(block.timestamp);
            node.isLegacy = mint.isLegacy;
            node.isKyced = mint.isKyced;
            node.lastUpdated = uint40(block.timestamp);
            node.price = mint.price;
            node.amountSentOnL1 = mint.amountSentOnL1;
            node.position = uint32(living.length);
            living.push(uint32(id));
            emit NodeMinted(to, id);
        }
        // The receiver may be a contract that calls back: by now everything about the nodes is written.
        for (uint256 id = first; id < first + amount; ++id) {
            _mint(to, id, 1, "");
        }
    }

    /// @notice Number of nodes ever minted, which is the highest id.
    function nodeCount() external view returns (uint256) {
        return self.nodeCount;
    }

    /// @notice Who minted the node; stays after burning.
    function nodeIdToOwner(uint256 nodeId) external view returns (address) {
        return self.nodes[nodeId].owner;
    }

    /// @notice Whether the node exists and is not burned.
    function isNodeAvailable(uint256 _nodeId) external view returns (bool) {
        return exists(_nodeId);
    }

    /// @notice Whether the token of this id exists.
    function exists(uint256 id) public view returns (bool) {
        return self.nodes[id].mintedOn != 0 && self.nodes[id].burnedOn == 0;
    }

    /// @notice 1 for a node that exists, otherwise 0.
    function totalSupply(uint256 id) external view returns (uint256) {
        return exists(id) ? 1 : 0;
    }

    /// @notice Number of nodes that exist.
    function totalSupply() external view returns (uint256) {
        return self.nodeCount - self.burnedCount;
    }

    /// @notice Number of nodes the address has, burned ones left out.
    function getNodesOwned(address _address) external view returns (uint256) {
        return self.living[_address].length;
    }

    /// @notice The nodes the address has, in no particular order.
    function getUserOwnedNodeIds(address _address) external view returns (uint256[] memory) {
        return _ids(self.living[_address], new uint32[](0));
    }

    /// @notice The nodes the address burned, in order of burning.
    function getUserBurnedNodeIds(address _address) external view returns (uint256[] memory) {
        return _ids(new uint32[](0), self.burned[_address]);
    }

    /// @notice Both, first those it has, then those it burned.
    function getAllUserNodeIds(address _address) external view returns (uint256[] memory) {
        return _ids(self.living[_address], self.burned[_address]);
    }

    function _ids(uint32[] memory first, uint32[] memory second) private pure returns (uint256[] memory ids) {
        ids = new uint256[](first.length + second.length);
        for (uint256 i = 0; i < first.length; ++i) {
            ids[i] = first[i];
        }
        for (uint256 i = 0; i < second.length; ++i) {
            ids[first.length + i] = second[i];
        }
    }

    /// @notice Everything about a node; zeros for an id that was not minted. Amounts in wei, times in seconds.
    function nodeInfo(uint256 nodeId)
        external
        view
        returns (
            address snapshotterAddress,
            uint256 nodePrice,
            uint256 amountSentOnL1,
            uint256 mintedOn,
            uint256 burnedOn,
            uint256 lastUpdated,
            bool isLegacy,
            bool claimedTokens,
            bool active,
            bool isKyced
        )
    {
        Node storage node = self.nodes[nodeId];
        (snapshotterAddress, nodePrice, amountSentOnL1) = (node.snapshotter, node.price, node.amountSentOnL1);
        (mintedOn, burnedOn, lastUpdated) = (node.mintedOn, node.burnedOn, node.lastUpdated);
        (isLegacy, claimedTokens, active, isKyced) = (node.isLegacy, node.claimedTokens, node.active, node.isKyced);
    }
}
