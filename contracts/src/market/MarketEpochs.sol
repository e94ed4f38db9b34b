// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {check} from "../Check.sol";
import {MarketFront} from "./MarketFront.sol";
import {MarketRelease} from "./MarketRelease.sol";

/// @title Epochs and days
/// @notice An epoch is a closed range of source-chain blocks. Skips are carried out by `MarketDesk`.
abstract contract MarketEpochs is MarketFront, MarketRelease {
    /// @notice Opens the epoch of the next `EPOCH_SIZE` blocks. The first epoch may begin anywhere.
    /// Errors: E44, E05, E20 (end below begin), E21 (wrong length), E22 (does not follow the last epoch).
    /// @return released always true
    /// @return dayStarted whether this epoch is the first of a day
    function releaseEpoch(uint256 begin, uint256 end, address _sender) external returns (bool, bool) {
        _checkReleaseVia();
        check(_sender == self.epochManager, "E05");
        _checkRange(begin, end);
        uint256 lastId = self.currentId;
        bool first = _isFirst(lastId);
        check(first || begin == uint256(self.currentEnd) + 1, "E22");
        return _release(begin, end, self.useBlockNumberAsEpochId ? end : lastId + 1, first);
    }

    /// @notice Jumps forward to a later range, leaving the epochs between out. The distance between the ends must be a
    /// positive multiple of `EPOCH_SIZE`. Errors: E44, E03, E20, E21.
    /// @return released always true
    /// @return dayStarted whether at least one day border lies on the way
    function forceSkipEpoch(uint256 begin, uint256 end, address _sender) external returns (bool, bool) {
        _toDesk();
    }

    /// @notice The epoch released last; zeros before the first.
    function currentEpoch() external view returns (uint256 begin, uint256 end, uint256 epochId) {
        return (self.currentBegin, self.currentEnd, self.currentId);
    }

    /// @notice When and in which block an epoch was released, and the last source-chain block of its range; zeros for
    /// an epoch that was not released.
    function epochInfo(uint256 epochId)
        external
        view
        returns (uint256 timestamp, uint256 blocknumber, uint256 epochEnd)
    {
        Epoch storage epoch = self.epochs[epochId];
        return (epoch.releasedAt, epoch.releaseBlock, epoch.end);
    }

    /// @notice The id of the epoch released last.
    function epochIdCounter() external view returns (uint256) {
        return self.currentId;
    }

    /// @notice The current day, from 1.
    function dayCounter() external view returns (uint256) {
        return self.dayCounter;
    }

    /// @notice Whole epochs that fit into a day.
    function epochsInADay() external view returns (uint256) {
        return self.epochsInADay;
    }

    /// @notice A day in 10⁻⁴ seconds, the unit of `SOURCE_CHAIN_BLOCK_TIME`.
    function DAY_SIZE() external view returns (uint256) {
        return DAY_LENGTH;
    }

    /// @notice Source-chain blocks per epoch.
    function EPOCH_SIZE() external view returns (uint8) {
        return self.epochSize;
    }

    /// @notice Whether an epoch's id is its last block; only with one block per epoch.
    function USE_BLOCK_NUMBER_AS_EPOCH_ID() external view returns (bool) {
        return self.useBlockNumberAsEpochId;
    }

    /// @notice Id of the chain that data comes from.
    function SOURCE_CHAIN_ID() external view returns (uint256) {
        return self.sourceChainId;
    }

    /// @notice Time between two blocks of that chain, in 10⁻⁴ seconds.
    function SOURCE_CHAIN_BLOCK_TIME() external view returns (uint256) {
        return self.sourceChainBlockTime;
    }

    /// @notice Block of this chain in which the market was created.
    function deploymentBlockNumber() external view returns (uint256) {
        return self.deploymentBlock;
    }
}
