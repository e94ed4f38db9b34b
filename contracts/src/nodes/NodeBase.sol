// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable2StepUpgradeable} from "@openzeppelin/contracts-upgradeable/access/Ownable2StepUpgradeable.sol";
import {ERC1155Upgradeable} from "@openzeppelin/contracts-upgradeable/token/ERC1155/ERC1155Upgradeable.sol";
import {PausableUpgradeable} from "@openzeppelin/contracts-upgradeable/utils/PausableUpgradeable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ValueOutOfRange} from "../Errors.sol";
import {RoleSet} from "../market/RoleSet.sol";

/// @title Everything the node registry remembers
/// @notice A node takes three slots. Wei amounts of a node have 112 bits, enough for 5·10¹⁵ ether.
abstract contract NodeBase is
    Ownable2StepUpgradeable,
    ERC1155Upgradeable,
    PausableUpgradeable,
    ReentrancyGuardTransient
{
    /// @dev A node by its id. `price` is what was paid for it in wei, or what a legacy node is worth.
    struct Node {
        // Stays after burning, since claims need it.
        address owner;
        uint40 mintedOn;
        uint40 burnedOn;
        bool isLegacy;
        bool isKyced;
        address snapshotter;
        uint40 lastUpdated;
        uint40 lastSnapshotterChange;
        bool active;
        bool claimedTokens;
        uint112 price;
        uint112 amountSentOnL1;
        // In the owner's list of living nodes.
        uint32 position;
    }

    /// @dev What a burned legacy node with KYC is paid over time, in wei.
    struct Vesting {
        uint128 initialClaim;
        uint128 tokensAfterInitialClaim;
        uint128 tokensClaimed;
        uint64 lastClaim;
    }

    /// @dev What one legacy node is worth and when.
    struct LegacyConfig {
        uint256 count;
        // In 10⁻⁶.
        uint256 initialClaimShare;
        uint256 cliffDays;
        uint256 value;
        uint256 vestingDays;
        uint256 vestingStart;
        uint256 sentOnL1;
        uint256 nonKycedCooldown;
    }

    /// @dev All of the registry's state; new fields go to the end.
    struct Layout {
        uint256 nodePrice;
        uint32 nodeCount;
        uint32 burnedCount;
        uint32 enabledCount;
        uint40 mintStartTime;
        uint256 maxSupply;
        uint256 addressChangeCooldown;
        uint256 tokenClaimCooldown;
        LegacyConfig legacy;
        string name;
        RoleSet.Set admins;
        mapping(uint256 nodeId => Node) nodes;
        mapping(uint256 nodeId => Vesting) vesting;
        mapping(address owner => uint32[]) living;
        mapping(address owner => uint32[]) burned;
        // Nodes that have this snapshotter.
        mapping(address snapshotter => uint256) nodesOf;
    }

    /// @dev All of the registry's state, from slot 0 on; inherited contracts keep theirs elsewhere (ERC-7201). Fields
    /// added later go to the end of `Layout`.
    Layout internal self;

    /// @notice Kept for readers of the ABI; never emitted.
    event SnapshotterStateUpdated(address indexed newSnapshotterState);

    /// @notice Always fails: nodes stay with whom they were minted for.
    function safeTransferFrom(address, address, uint256, uint256, bytes memory) public override {
        revert("Transfers are not allowed on SBTs");
    }

    /// @notice Always fails: nodes stay with whom they were minted for.
    function safeBatchTransferFrom(address, address, uint256[] memory, uint256[] memory, bytes memory) public override {
        revert("Transfers are not allowed on SBTs");
    }

    /// @dev "Node ID is out of bounds": ids run from 1 to the number of nodes ever minted.
    function _checkId(uint256 nodeId) internal view {
        require(nodeId != 0 && nodeId <= self.nodeCount, "Node ID is out of bounds");
    }

    /// @dev Sends ether; "Transfer failed" when the receiver refuses or the balance is too small.
    function _pay(address to, uint256 amount) internal {
        (bool sent,) = to.call{value: amount}("");
        require(sent, "Transfer failed");
    }

    function _toUint112(uint256 value) internal pure returns (uint112) {
        require(value <= type(uint112).max, ValueOutOfRange(value, type(uint112).max));
        return uint112(value);
    }

    /// @dev Share of its value that a KYC legacy node gets when it is burned.
    function _initialClaim() internal view returns (uint256) {
        LegacyConfig storage legacy = self.legacy;
        return legacy.initialClaimShare * (legacy.value - legacy.sentOnL1) / 1e6;
    }
}
