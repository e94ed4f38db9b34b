// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What the protocol state asks of the factory
interface IDataMarketFactory {
    /// @notice Creates a data market that answers to `protocolStateAddress`, which must be the caller.
    function createDataMarket(
        address ownerAddress,
        uint8 epochSize,
        uint256 sourceChainId,
        uint256 sourceChainBlockTime,
        bool useBlockNumberAsEpochId,
        address protocolStateAddress
    ) external returns (address);
}
