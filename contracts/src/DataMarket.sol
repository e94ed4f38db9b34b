// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {check} from "./Check.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {IProtocolState} from "./interfaces/IProtocolState.sol";
import {MarketConsensus} from "./market/MarketConsensus.sol";
import {MarketDesk} from "./market/MarketDesk.sol";
import {MarketEpochs} from "./market/MarketEpochs.sol";
import {MarketRewards} from "./market/MarketRewards.sol";
import {MarketRoots} from "./market/MarketRoots.sol";
import {MarketSettings} from "./market/MarketSettings.sol";

/// @title A data market
/// @notice One stream of epochs over one source chain, with its own sequencers, validators, windows and rewards. All
/// state-changing functions answer to the protocol state alone (E44), which names the original caller as last argument.
/// Called directly are the owner's ownership and upgrades, and `adoptDesk`, which is anyone's and changes nothing but
/// where the same code is found.
contract PowerloomDataMarket is
    MarketSettings,
    MarketEpochs,
    MarketConsensus,
    MarketRoots,
    MarketRewards,
    UUPSUpgradeable
{
    /// @dev What the desk's code hashes to: this code works with that desk and no other, wherever it lies.
    /// @custom:oz-upgrades-unsafe-allow state-variable-immutable state-variable-assignment
    bytes32 private immutable _deskHash = keccak256(type(MarketDesk).runtimeCode);

    /// @dev The implementation itself is never used as a market.
    /// @custom:oz-upgrades-unsafe-allow constructor
    constructor() {
        _disableInitializers();
    }

    /// @notice Sets the market up; called by the factory in the transaction that creates the proxy.
    /// Errors: E45 (no protocol state), `UnknownDesk` (the protocol state has another version's),
    /// `OwnableInvalidOwner`, "Invalid time parameters" (size or block time is 0), "Invalid epochs in day calculation" (an
    /// epoch is longer than a day), E10 (block-number ids need one block per epoch). Carried out by `MarketDesk`.
    /// @custom:oz-upgrades-unsafe-allow missing-initializer-call
    function initialize(
        address initialOwner,
        uint8 _epochSize,
        uint256 _sourceChainId,
        uint256 _sourceChainBlockTime,
        bool _useBlockNumberAsEpochId,
        address _protocolStateAddress
    ) external {
        check(_protocolStateAddress.code.length != 0, "E45");
        adoptDesk(IProtocolState(_protocolStateAddress).marketDesk());
        _toDesk();
    }

    /// @notice Tells the market where its desk lies. Needed after an upgrade to code with another desk, best in the same
    /// transaction; open to anyone, because the code decides. Errors: `UnknownDesk`.
    function adoptDesk(address desk) public {
        self.desk = desk;
        _desk();
    }

    /// @notice Whether `initialize` ran.
    function isInitialized() external view returns (bool) {
        return self.initialized;
    }

    /// @notice The contract that this market answers to.
    function protocolState() external view returns (address) {
        return self.protocolState;
    }

    function _desk() internal view override returns (address desk) {
        desk = self.desk;
        require(desk.codehash == _deskHash, UnknownDesk(desk));
    }

    /// @dev The owner of the market decides, within the code that the protocol's owner allows (all, unless restricted).
    function _authorizeUpgrade(address newImplementation) internal view override onlyOwner {
        require(
            IProtocolState(self.protocolState).marketCodeAllowed(newImplementation),
            MarketCodeNotAllowed(newImplementation)
        );
    }
}
