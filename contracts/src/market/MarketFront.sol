// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MarketBase} from "./MarketBase.sol";

/// @title The way to the market's desk
abstract contract MarketFront is MarketBase {
    /// @dev Runs the same call on the desk's code and ends with its answer, good or bad.
    /// @custom:oz-upgrades-unsafe-allow delegatecall
    function _toDesk() internal {
        address desk = _desk();
        assembly ("memory-safe") {
            let data := mload(0x40)
            calldatacopy(data, 0, calldatasize())
            let ok := delegatecall(gas(), desk, data, calldatasize(), 0, 0)
            returndatacopy(data, 0, returndatasize())
            if iszero(ok) { revert(data, returndatasize()) }
            return(data, returndatasize())
        }
    }

    /// @dev Where the desk's code is.
    function _desk() internal view virtual returns (address);
}
