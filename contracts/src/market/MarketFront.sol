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

    /// @dev The same for a function that reads. The compiler knows of no delegated call that changes nothing and has to be
    /// persuaded; what the desk runs is a reading function as well.
    function _askDesk() internal view {
        function() internal toDesk = _toDesk;
        function() internal view ask;
        assembly ("memory-safe") {
            ask := toDesk
        }
        ask();
        // Never reached, which the compiler cannot see through the pointer.
        assembly ("memory-safe") {
            invalid()
        }
    }

    /// @dev Where the desk's code is. Errors: `UnknownDesk`.
    function _desk() internal view virtual returns (address);
}
