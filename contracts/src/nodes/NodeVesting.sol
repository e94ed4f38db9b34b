// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {NodeAssignment} from "./NodeAssignment.sol";

/// @title Burning a node and getting its value back
/// @notice A public node returns the price paid for it. A legacy node with KYC returns a share at once and the rest over
/// time; one without returns everything, less what was paid on L1, after a long cooldown.
abstract contract NodeVesting is NodeAssignment {
    /// @notice A node was burned.
    event NodeBurned(address indexed from, uint256 nodeId);
    /// @notice `amount` wei of a legacy node were paid.
    event LegacyNodeTokensClaimed(address indexed claimer, uint256 nodeId, uint256 amount);
    /// @notice The price of a public node was paid back.
    event SnapshotterTokensClaimed(address indexed claimer, uint256 nodeId, uint256 amount);

    /// @notice Notes that the owner of a legacy node is known. Owner only. Errors: "Node ID is out of bounds", "Node is
    /// not legacy", "Node is burned" (it would be paid twice), "Node is already KYCed".
    function completeKyc(uint256 _nodeId) external onlyOwner {
        _checkId(_nodeId);
        Node storage node = self.nodes[_nodeId];
        require(node.isLegacy, "Node is not legacy");
        require(node.burnedOn == 0, "Node is burned");
        require(!node.isKyced, "Node is already KYCed");
        node.isKyced = true;
    }

    /// @notice Burns the sender's node for good; a KYC legacy node is paid its initial claim. Errors: `EnforcedPause`,
    /// "Node ID is out of bounds", "Only the owner can burn their own node", "Non KYCed legacy nodes cannot be burned
    /// before lockup period", `ERC1155InsufficientBalance` (burned already), "Transfer failed".
    function burnNode(uint256 _nodeId) external whenNotPaused nonReentrant {
        _checkId(_nodeId);
        Node storage node = self.nodes[_nodeId];
        require(msg.sender == node.owner, "Only the owner can burn their own node");
        bool isVesting = node.isLegacy && node.isKyced;
        require(
            !node.isLegacy || node.isKyced || _isLockupOver(),
            "Non KYCed legacy nodes cannot be burned before lockup period"
        );
        _burn(msg.sender, _nodeId, 1);

        _moveToBurned(node, _nodeId);
        _leave(node.snapshotter);
        node.snapshotter = address(0);
        if (node.active) {
            node.active = false;
            self.enabledCount -= 1;
        }
        node.burnedOn = uint40(block.timestamp);
        node.lastUpdated = uint40(block.timestamp);
        self.burnedCount += 1;
        emit NodeBurned(msg.sender, _nodeId);

        if (!isVesting) return;
        uint256 initialClaim = _initialClaim();
        self.vesting[_nodeId] = Vesting(
            uint128(initialClaim),
            uint128(self.legacy.value - self.legacy.sentOnL1 - initialClaim),
            0,
            uint64(block.timestamp)
        );
        _pay(msg.sender, initialClaim);
    }

    /// @dev The last of the owner's nodes takes the place of the burned one.
    function _moveToBurned(Node storage node, uint256 nodeId) private {
        uint32[] storage living = self.living[msg.sender];
        uint32 last = living[living.length - 1];
        living[node.position] = last;
        self.nodes[last].position = node.position;
        living.pop();
        self.burned[msg.sender].push(uint32(nodeId));
    }

    /// @notice Pays what a burned node of the sender has coming. Errors: `EnforcedPause`, "Need to Burn the Node First",
    /// "Only the owner can claim their own tokens", "Snapshotter token claim cooldown not yet met", "Legacy node
    /// non-kyced cooldown not yet met", "Tokens already claimed", "No tokens to claim", "Transfer failed".
    function claimNodeTokens(uint256 _nodeId) external whenNotPaused nonReentrant {
        uint256 amount = _claimable(_nodeId);
        Node storage node = self.nodes[_nodeId];
        if (node.isLegacy && node.isKyced) {
            require(amount != 0, "No tokens to claim");
            Vesting storage vesting = self.vesting[_nodeId];
            vesting.tokensClaimed += uint128(amount);
            vesting.lastClaim = uint64(block.timestamp);
        } else {
            node.claimedTokens = true;
        }
        if (node.isLegacy) emit LegacyNodeTokensClaimed(msg.sender, _nodeId, amount);
        else emit SnapshotterTokensClaimed(msg.sender, _nodeId, amount);
        _pay(msg.sender, amount);
    }

    /// @notice Wei that `claimNodeTokens` would pay the caller now. Errors: those of `claimNodeTokens`.
    function claimableNodeTokens(uint256 _nodeId) external view returns (uint256 _claimableNodeTokens) {
        return _claimable(_nodeId);
    }

    function _claimable(uint256 nodeId) private view returns (uint256) {
        Node storage node = self.nodes[nodeId];
        require(node.burnedOn != 0, "Need to Burn the Node First");
        require(msg.sender == node.owner, "Only the owner can claim their own tokens");
        if (node.isLegacy && node.isKyced) return claimableLegacyNodeTokens(nodeId);
        if (node.isLegacy) {
            require(_isLockupOver(), "Legacy node non-kyced cooldown not yet met");
        } else {
            require(
                block.timestamp - node.burnedOn >= self.tokenClaimCooldown,
                "Snapshotter token claim cooldown not yet met"
            );
        }
        require(!node.claimedTokens, "Tokens already claimed");
        return node.price - node.amountSentOnL1;
    }

    /// @dev Legacy nodes without KYC are locked until then.
    function _isLockupOver() private view returns (bool) {
        uint256 start = self.legacy.vestingStart;
        return block.timestamp >= start && block.timestamp - start >= self.legacy.nonKycedCooldown;
    }

    /// @notice Wei vested for a legacy node after its initial claim, by today's configuration: nothing until the cliff is
    /// over, from there linear to everything on the last vesting day.
    function vestedLegacyNodeTokens() public view returns (uint256) {
        LegacyConfig storage legacy = self.legacy;
        return _vested(legacy.value - legacy.sentOnL1 - _initialClaim());
    }

    /// @dev What of `total` is vested now. Times are whole days, as the schedule is.
    function _vested(uint256 total) private view returns (uint256) {
        LegacyConfig storage legacy = self.legacy;
        if (block.timestamp < legacy.vestingStart) return 0;
        uint256 elapsedDays = (block.timestamp - legacy.vestingStart) / 1 days;
        if (elapsedDays < legacy.cliffDays) return 0;
        if (elapsedDays >= legacy.vestingDays) return total;
        return total * (elapsedDays - legacy.cliffDays) / (legacy.vestingDays - legacy.cliffDays);
    }

    /// @notice Wei vested and not yet claimed of a KYC legacy node. A burned node vests the amount fixed when it was burned;
    /// a later configuration moves the schedule, never the amount.
    function claimableLegacyNodeTokens(uint256 _nodeId) public view returns (uint256) {
        Vesting storage vesting = self.vesting[_nodeId];
        if (vesting.lastClaim == 0) return vestedLegacyNodeTokens();
        uint256 vested = _vested(vesting.tokensAfterInitialClaim);
        return vested > vesting.tokensClaimed ? vested - vesting.tokensClaimed : 0;
    }

    /// @notice What a burned KYC legacy node was and will be paid; zeros for any other.
    function nodeIdToVestingInfo(uint256 nodeId)
        external
        view
        returns (
            address owner,
            uint256 initialClaim,
            uint256 tokensAfterInitialClaim,
            uint256 tokensClaimed,
            uint256 lastClaim
        )
    {
        Vesting storage vesting = self.vesting[nodeId];
        if (vesting.lastClaim != 0) owner = self.nodes[nodeId].owner;
        (initialClaim, tokensAfterInitialClaim) = (vesting.initialClaim, vesting.tokensAfterInitialClaim);
        (tokensClaimed, lastClaim) = (vesting.tokensClaimed, vesting.lastClaim);
    }

    /// @notice Whether the node was burned.
    function isNodeBurned(uint256 nodeId) external view returns (bool) {
        return self.nodes[nodeId].burnedOn != 0;
    }
}
