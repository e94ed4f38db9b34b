// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {OwnableUpgradeable} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {OwnershipCannotBeRenounced} from "./Errors.sol";
import {NodeAssignment} from "./nodes/NodeAssignment.sol";
import {NodeMinting} from "./nodes/NodeMinting.sol";
import {NodeSettings} from "./nodes/NodeSettings.sol";
import {NodeVesting} from "./nodes/NodeVesting.sol";

/// @title The node registry: the slots of the network
/// @notice A node is an ERC-1155 token that cannot be transferred, numbered from 1. Its owner assigns it a snapshotter
/// and may burn it to get its value back: a public node what was paid for it, a legacy node its tokens over time.
contract PowerloomNodes is NodeSettings, NodeMinting, NodeAssignment, NodeVesting, UUPSUpgradeable {
    /// @dev The implementation itself is never used.
    /// @custom:oz-upgrades-unsafe-allow constructor
    constructor() {
        _disableInitializers();
    }

    /// @notice Sets the proxy up. Price in wei. Errors: `OwnableInvalidOwner`, "Node price must be greater than 0".
    function initialize(address initialOwner, uint256 initialNodePrice, string calldata initialName)
        external
        initializer
    {
        __Ownable_init(initialOwner);
        __Ownable2Step_init();
        __ERC1155_init("");
        __Pausable_init();
        _setNodePrice(initialNodePrice);
        self.name = initialName;
        self.maxSupply = 10_000;
    }

    /// @notice Takes ether that claims are paid from.
    receive() external payable {
        emit Deposit(msg.sender, msg.value);
    }

    /// @notice Always fails: without an owner the money of the nodes would be stuck for ever.
    function renounceOwnership() public override(OwnableUpgradeable) onlyOwner {
        revert OwnershipCannotBeRenounced();
    }

    function _authorizeUpgrade(address) internal override onlyOwner {}
}
