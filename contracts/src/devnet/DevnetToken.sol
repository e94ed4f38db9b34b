// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token for a local chain, minted by anyone. Never deploy it where value is at stake.
contract DevnetToken is ERC20 {
    uint8 private immutable _decimals;

    /// @param decimals_ how many digits of an amount stand behind the point
    constructor(string memory name_, string memory symbol_, uint8 decimals_) ERC20(name_, symbol_) {
        _decimals = decimals_;
    }

    /// @notice How many digits of an amount stand behind the point.
    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    /// @notice Gives `to` new tokens.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
