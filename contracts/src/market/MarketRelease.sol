// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {check} from "../Check.sol";
import {MarketBase} from "./MarketBase.sol";

/// @title The release of an epoch, and the days that begin with it
/// @notice Days are counted in epochs, not in seconds.
abstract contract MarketRelease is MarketBase {
    /// @notice An epoch opened. `begin` and `end` are source-chain blocks, inclusive.
    event EpochReleased(uint256 indexed epochId, uint256 begin, uint256 end, uint256 timestamp);
    /// @notice Day `dayId` began with the epoch released in the same call.
    event DayStartedEvent(uint256 dayId, uint256 timestamp);

    /// @dev In 10⁻⁴ seconds, the unit of the source chain's block time.
    uint256 internal constant DAY_LENGTH = 864_000_000;

    /// @dev Only an epoch that is block 0 itself has the id 0, which is also what the id reads before any release.
    function _isFirst(uint256 lastId) internal view returns (bool) {
        return lastId == 0 && self.epochs[0].releasedAt == 0;
    }

    function _checkRange(uint256 begin, uint256 end) internal view {
        check(end >= begin, "E20");
        check(end - begin + 1 == self.epochSize, "E21");
    }

    function _release(uint256 begin, uint256 end, uint256 epochId, bool first) internal returns (bool, bool) {
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
    function _daysCrossed(uint256 epochId, bool first) internal view returns (uint256) {
        if (first && self.useBlockNumberAsEpochId) return 0;
        uint256 lastId = self.currentId;
        uint256 perDay = self.epochsInADay;
        if (epochId == 0) return 0;
        return (epochId - 1) / perDay - (lastId == 0 ? 0 : (lastId - 1) / perDay);
    }
}
