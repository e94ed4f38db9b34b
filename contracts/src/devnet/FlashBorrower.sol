// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

interface IUniswapPair {
    function swap(uint256 amount0Out, uint256 amount1Out, address to, bytes calldata data) external;
}

/// @title Borrows from pairs of a local chain within one transaction, and pays back what the caller says.
contract FlashBorrower {
    /// @notice Takes both amounts out of `pair` and pays `back0` of `token0` and `back1` of `token1` before the transaction ends.
    function borrow(address pair, uint256[2] calldata out, address[2] calldata tokens, uint256[2] calldata back)
        external
    {
        IUniswapPair(pair).swap(out[0], out[1], address(this), abi.encode(tokens, back));
    }

    function uniswapV2Call(address, uint256, uint256, bytes calldata data) external {
        (address[2] memory tokens, uint256[2] memory back) = abi.decode(data, (address[2], uint256[2]));
        for (uint256 i = 0; i < 2; i++) {
            if (back[i] > 0) require(IERC20(tokens[i]).transfer(msg.sender, back[i]));
        }
    }
}
