// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {check} from "../Check.sol";
import {OwnableUpgradeable} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {ValueOutOfRange} from "../Errors.sol";
import {IMarketErrors} from "../interfaces/IMarketErrors.sol";
import {IProtocolState} from "../interfaces/IProtocolState.sol";
import {MarketStorage} from "./MarketStorage.sol";
import {RoleSet} from "./RoleSet.sol";

/// @title Who may do what in a data market
/// @notice Codes are plain reasons because every deployed client compares them as text. Role checks come before all
/// checks of the arguments: an outsider hears E01, E03 or E04 whatever it asks for.
abstract contract MarketBase is IMarketErrors, MarketStorage, OwnableUpgradeable {
    using RoleSet for RoleSet.Set;

    /// @dev E44: only the protocol state is trusted to name the original caller.
    modifier onlyProtocolState() {
        _checkProtocolState();
        _;
    }

    /// @dev E44, then E03.
    modifier onlyOwnerVia(address sender) {
        _checkOwner(sender);
        _;
    }

    /// @dev E44, then E04.
    modifier onlySequencerVia(address sender) {
        _checkSequencer(sender);
        _;
    }

    function _checkProtocolState() internal view {
        check(msg.sender == self.protocolState, "E44");
    }

    function _checkOwner(address sender) private view {
        _checkProtocolState();
        check(sender == owner(), "E03");
    }

    function _checkSequencer(address sender) private view {
        _checkProtocolState();
        check(self.sequencers.has(sender), "E04");
    }

    /// @dev As `onlyProtocolState`; but whoever calls the market of a disabled market directly hears E02 first.
    function _checkReleaseVia() internal view {
        address protocolState_ = self.protocolState;
        if (msg.sender == protocolState_) return;
        check(IProtocolState(protocolState_).dataMarketEnabled(address(this)), "E02");
        revert("E44");
    }

    function _toUint64(uint256 value) internal pure returns (uint64) {
        require(value <= type(uint64).max, ValueOutOfRange(value, type(uint64).max));
        return uint64(value);
    }
}
