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
/// state-changing functions answer to the protocol state alone (E44), which names the original caller as last argument;
/// only ownership and upgrades are called directly.
contract PowerloomDataMarket is
    MarketSettings,
    MarketEpochs,
    MarketConsensus,
    MarketRoots,
    MarketRewards,
    UUPSUpgradeable
{
    /// @dev Settings and rewards; one for all markets of this version.
    /// @custom:oz-upgrades-unsafe-allow state-variable-immutable state-variable-assignment
    address private immutable _deskCode = address(new MarketDesk());

    /// @dev The implementation itself is never used as a market.
    /// @custom:oz-upgrades-unsafe-allow constructor
    constructor() {
        _disableInitializers();
    }

    /// @notice Sets the market up; called by the factory in the transaction that creates the proxy.
    /// Errors: E45 (no protocol state), `OwnableInvalidOwner`, "Invalid time parameters" (size or block time is 0),
    /// "Invalid epochs in day calculation" (an epoch is longer than a day), E10 (block-number ids need one block per
    /// epoch).
    function initialize(
        address initialOwner,
        uint8 _epochSize,
        uint256 _sourceChainId,
        uint256 _sourceChainBlockTime,
        bool _useBlockNumberAsEpochId,
        address _protocolStateAddress
    ) external initializer {
        __Ownable_init(initialOwner);
        check(_protocolStateAddress != address(0), "E45");
        check(_epochSize != 0 && _sourceChainBlockTime != 0, "Invalid time parameters");
        check(!_useBlockNumberAsEpochId || _epochSize == 1, "E10");
        require(_sourceChainBlockTime <= DAY_LENGTH / _epochSize, "Invalid epochs in day calculation");

        self.protocolState = _protocolStateAddress;
        self.epochSize = _epochSize;
        self.useBlockNumberAsEpochId = _useBlockNumberAsEpochId;
        self.initialized = true;
        self.epochsInADay = uint64(DAY_LENGTH / (_sourceChainBlockTime * _epochSize));
        self.deploymentBlock = uint64(block.number);
        self.minAttestations = 2;
        self.sourceChainId = _sourceChainId;
        self.sourceChainBlockTime = _sourceChainBlockTime;
        self.dayCounter = 1;
        self.dailySnapshotQuota = 1000;
    }

    /// @notice Whether `initialize` ran.
    function isInitialized() external view returns (bool) {
        return self.initialized;
    }

    /// @notice The contract that this market answers to.
    function protocolState() external view returns (address) {
        return self.protocolState;
    }

    function _desk() internal view override returns (address) {
        return _deskCode;
    }

    /// @dev The owner of the market decides, within the code that the protocol's owner allows (all, unless restricted).
    function _authorizeUpgrade(address newImplementation) internal view override onlyOwner {
        address state = self.protocolState;
        check(
            state.code.length == 0 || IProtocolState(state).marketCodeAllowed(newImplementation),
            "Market code not allowed"
        );
    }
}
