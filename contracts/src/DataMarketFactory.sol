// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {PowerloomDataMarket} from "./DataMarket.sol";
import {IDataMarketFactory} from "./interfaces/IDataMarketFactory.sol";

/// @title Creates data markets
/// @notice Each market is its own ERC-1967 proxy, upgradeable by its owner. A factory carries one version of the market's
/// code for ever; new code comes with a new factory.
contract DataMarketFactory is IDataMarketFactory {
    /// @notice The code behind every market of this factory.
    address public immutable implementation;

    /// @notice A market was created at `dataMarketAddress`.
    event DataMarketCreated(
        address indexed ownerAddress,
        uint8 epochSize,
        uint256 sourceChainId,
        uint256 sourceChainBlockTime,
        bool useBlockNumberAsEpochId,
        address protocolState,
        address dataMarketAddress
    );

    /// @notice Creates the code of the markets.
    constructor() {
        implementation = address(new PowerloomDataMarket());
    }

    /// @inheritdoc IDataMarketFactory
    /// @dev E44: a market that did not come through its protocol state would look genuine and be unknown there. Errors of
    /// the market's `initialize` pass through.
    function createDataMarket(
        address ownerAddress,
        uint8 epochSize,
        uint256 sourceChainId,
        uint256 sourceChainBlockTime,
        bool useBlockNumberAsEpochId,
        address protocolStateAddress
    ) external returns (address) {
        require(msg.sender == protocolStateAddress, "E44");
        address market = address(
            new ERC1967Proxy(
                implementation,
                abi.encodeCall(
                    PowerloomDataMarket.initialize,
                    (
                        ownerAddress,
                        epochSize,
                        sourceChainId,
                        sourceChainBlockTime,
                        useBlockNumberAsEpochId,
                        protocolStateAddress
                    )
                )
            )
        );
        emit DataMarketCreated(
            ownerAddress,
            epochSize,
            sourceChainId,
            sourceChainBlockTime,
            useBlockNumberAsEpochId,
            protocolStateAddress,
            market
        );
        return market;
    }
}
