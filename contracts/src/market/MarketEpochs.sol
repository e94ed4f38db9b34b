// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {check} from "../Check.sol";
import {MarketBase} from "./MarketBase.sol";

/// @title Epochs and days
/// @notice An epoch is a closed range of source-chain blocks. Days are counted in epochs, not in seconds.
abstract contract MarketEpochs is MarketBase {
    /// @notice An epoch opened. `begin` and `end` are source-chain blocks, inclusive.
    event EpochReleased(uint256 indexed epochId, uint256 begin, uint256 end, uint256 timestamp);
    /// @notice Day `dayId` began with the epoch released in the same call.
    event DayStartedEvent(uint256 dayId, uint256 timestamp);

    /// @dev In 10⁻⁴ seconds, the unit of the source chain's block time.
    uint256 internal constant DAY_LENGTH = 864_000_000;

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
        _checkReleaseVia();
        check(_sender == owner(), "E03");
        _checkRange(begin, end);
        uint256 lastEnd = self.currentEnd;
        check(end > lastEnd && (end - lastEnd) % self.epochSize == 0, "E21");
        uint256 lastId = self.currentId;
        uint256 epochId = self.useBlockNumberAsEpochId ? end : lastId + (end - lastEnd) / self.epochSize;
        return _release(begin, end, epochId, _isFirst(lastId));
    }

    /// @dev Only an epoch that is block 0 itself has the id 0, which is also what the id reads before any release.
    function _isFirst(uint256 lastId) private view returns (bool) {
        return lastId == 0 && self.epochs[0].releasedAt == 0;
    }

    function _checkRange(uint256 begin, uint256 end) private view {
        check(end >= begin, "E20");
        check(end - begin + 1 == self.epochSize, "E21");
    }

    function _release(uint256 begin, uint256 end, uint256 epochId, bool first) private returns (bool, bool) {
        uint256 days_ = _daysCrossed(epochId, first);
        Epoch storage epoch = self.epochs[epochId];
        epoch.releasedAt = uint64(block.timestamp);
        epoch.releaseBlock = uint64(block.number);
        epoch.end = _toUint64(end);
        self.currentBegin = uint64(begin);
        self.currentEnd = uint64(end);
        self.currentId = _toUint64(epochId);
        emit EpochReleased(epochId, begin, end, block.timestamp);
        if (days_ != 0) {
            uint256 day = self.dayCounter + days_;
            self.dayCounter = day;
            emit DayStartedEvent(day, block.timestamp);
        }
        return (true, days_ != 0);
    }

    /// @dev Id k·n+1 opens a day, n being the epochs of a day; jumping over it opens the day too. With block numbers as
    /// ids the first epoch has no predecessor to count from, so it belongs to the day that is.
    function _daysCrossed(uint256 epochId, bool first) private view returns (uint256) {
        if (first && self.useBlockNumberAsEpochId) return 0;
        uint256 lastId = self.currentId;
        uint256 perDay = self.epochsInADay;
        if (epochId == 0) return 0;
        return (epochId - 1) / perDay - (lastId == 0 ? 0 : (lastId - 1) / perDay);
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
