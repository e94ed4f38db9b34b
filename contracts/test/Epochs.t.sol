// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PowerloomDataMarket} from "../src/DataMarket.sol";
import {MarketRelease} from "../src/market/MarketRelease.sol";
import {ProtocolStateEvents} from "../src/state/ProtocolStateEvents.sol";
import {Base} from "./Base.sol";
import {Vm} from "./Vm.sol";

/// @dev `releaseEpoch`, `forceSkipEpoch` and the days they start.
contract EpochsTest is Base {
    function _releaseAt(PowerloomDataMarket m, uint256 begin, uint256 end) private {
        vm.prank(manager);
        state.releaseEpoch(address(m), begin, end);
    }

    function _skip(PowerloomDataMarket m, uint256 begin, uint256 end) private {
        vm.prank(marketOwner);
        state.forceSkipEpoch(address(m), begin, end);
    }

    function _id(PowerloomDataMarket m) private view returns (uint256 epochId) {
        (,, epochId) = state.currentEpoch(address(m));
    }

    function test_releaseStoresAndAnnouncesTheEpoch() public {
        vm.expectEmit(true, true, true, true, address(market));
        emit MarketRelease.EpochReleased(1, 501, 510, block.timestamp);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.EpochReleased(address(market), 1, 501, 510, block.timestamp);
        _releaseAt(market, 501, 510);
        (uint256 begin, uint256 end, uint256 id) = state.currentEpoch(address(market));
        vm.assertEq(begin, 501);
        vm.assertEq(end, 510);
        vm.assertEq(id, 1);
        (uint256 timestamp, uint256 blockNumber, uint256 epochEnd) = state.epochInfo(address(market), 1);
        vm.assertEq(timestamp, block.timestamp);
        vm.assertEq(blockNumber, block.number);
        vm.assertEq(epochEnd, 510);
        vm.assertEq(market.epochIdCounter(), 1);
        _releaseAt(market, 511, 520);
        vm.assertEq(_id(market), 2);
    }

    function test_releaseRefusals() public {
        vm.prank(stranger);
        _refuses("E05");
        state.releaseEpoch(address(market), 10, 1);
        vm.startPrank(manager);
        _refuses("E20");
        state.releaseEpoch(address(market), 10, 9);
        _refuses("E21");
        state.releaseEpoch(address(market), 1, 9);
        _refuses("E21");
        state.releaseEpoch(address(market), 1, 11);
        state.releaseEpoch(address(market), 1, 10);
        _refuses("E22");
        state.releaseEpoch(address(market), 12, 21);
        _refuses("E22");
        state.releaseEpoch(address(market), 10, 19);
        vm.stopPrank();
    }

    function test_aDisabledMarketIsRefusedFirst() public {
        vm.prank(owner);
        state.toggleDataMarket(address(market), false);
        vm.prank(manager);
        _refuses("E02");
        state.releaseEpoch(address(market), 10, 1);
        vm.prank(marketOwner);
        _refuses("E02");
        state.forceSkipEpoch(address(market), 10, 1);
        _refuses("E02");
        market.releaseEpoch(1, 10, manager);
        vm.prank(owner);
        state.toggleDataMarket(address(market), true);
        _refuses("E44");
        market.releaseEpoch(1, 10, manager);
        _refuses("E44");
        market.forceSkipEpoch(1, 10, marketOwner);
        _releaseAt(market, 1, 10);
    }

    function test_anEpochThatBeginsAtBlockZeroKeepsContinuity() public {
        _releaseAt(market, 0, 9);
        vm.prank(manager);
        _refuses("E22");
        state.releaseEpoch(address(market), 100, 109);
        _releaseAt(market, 10, 19);
    }

    function test_aBlockNumberedEpochZeroKeepsContinuity() public {
        PowerloomDataMarket m = _newMarket(1, 20_000, true);
        _equip(m);
        _releaseAt(m, 0, 0);
        vm.prank(manager);
        _refuses("E22");
        state.releaseEpoch(address(m), 100, 100);
        _releaseAt(m, 1, 1);
        vm.assertEq(_id(m), 1);
    }

    function test_blockNumbersAsIds() public {
        PowerloomDataMarket m = _newMarket(1, 20_000, true);
        _equip(m);
        // 43,201 would open a day for an ordinary market: the first epoch never does.
        _releaseAt(m, 43_201, 43_201);
        vm.assertEq(_id(m), 43_201);
        vm.assertEq(m.dayCounter(), 1);
        _releaseAt(m, 43_202, 43_202);
        _skip(m, 86_405, 86_405);
        vm.assertEq(_id(m), 86_405);
        // 86,401 was jumped over; its day began all the same.
        vm.assertEq(m.dayCounter(), 2);
    }

    function test_blockNumbersAsIdsNeedOneBlockPerEpoch() public {
        vm.prank(owner);
        _refuses("E10");
        state.createDataMarket(marketOwner, 10, 137, 2_000_000, true);
    }

    function test_skipRefusals() public {
        _releaseAt(market, 1, 10);
        vm.prank(stranger);
        _refuses("E03");
        state.forceSkipEpoch(address(market), 10, 1);
        vm.startPrank(marketOwner);
        _refuses("E20");
        state.forceSkipEpoch(address(market), 30, 21);
        _refuses("E21");
        state.forceSkipEpoch(address(market), 21, 31);
        _refuses("E21");
        state.forceSkipEpoch(address(market), 22, 31);
        // Neither again nor backwards: either would reopen the windows of an epoch.
        _refuses("E21");
        state.forceSkipEpoch(address(market), 1, 10);
        vm.stopPrank();
    }

    function test_skipCountsTheEpochsLeftOut() public {
        _releaseAt(market, 1, 10);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.EpochReleased(address(market), 4, 31, 40, block.timestamp);
        _skip(market, 31, 40);
        vm.assertEq(_id(market), 4);
        (,, uint256 end) = market.epochInfo(4);
        vm.assertEq(end, 40);
        (uint256 time,,) = market.epochInfo(3);
        vm.assertEq(time, 0);
    }

    function test_dayBegins() public {
        vm.assertEq(market.epochsInADay(), 43);
        for (uint256 i = 0; i < 43; ++i) {
            _release();
        }
        vm.assertEq(market.dayCounter(), 1);
        vm.expectEmit(true, true, true, true, address(market));
        emit MarketRelease.DayStartedEvent(2, block.timestamp);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.DayStartedEvent(address(market), 2, block.timestamp);
        _release();
        vm.assertEq(_id(market), 44);
        vm.assertEq(market.dayCounter(), 2);
        _release();
        vm.assertEq(market.dayCounter(), 2);
    }

    function test_aSkipOverTheFirstIdOfADayBeginsTheDay() public {
        for (uint256 i = 1; i <= 42; ++i) {
            _skip(market, 10 * i - 9, 10 * i);
        }
        vm.assertEq(market.dayCounter(), 1);
        vm.recordLogs();
        _skip(market, 431, 440);
        vm.assertEq(_id(market), 44);
        vm.assertEq(market.dayCounter(), 2);
        vm.assertEq(_count(vm.getRecordedLogs(), address(state), ProtocolStateEvents.DayStartedEvent.selector), 1);
    }

    function test_aLongSkipCountsEveryDay() public {
        _release();
        _skip(market, 1291, 1300);
        vm.assertEq(_id(market), 130);
        vm.assertEq(market.dayCounter(), 4);
    }

    function test_oneEpochADay() public {
        PowerloomDataMarket m = _newMarket(1, 864_000_000, false);
        _equip(m);
        vm.assertEq(m.epochsInADay(), 1);
        _releaseAt(m, 1, 1);
        vm.assertEq(m.dayCounter(), 1);
        _releaseAt(m, 2, 2);
        vm.assertEq(m.dayCounter(), 2);
    }

    function test_loadCurrentDay() public {
        vm.prank(stranger);
        _refuses("E03");
        state.loadCurrentDay(address(market), 26);
        vm.prank(marketOwner);
        state.loadCurrentDay(address(market), 26);
        vm.assertEq(state.dayCounter(address(market)), 26);
    }

    /// @dev Whatever mixture of releases and skips, the day is the number of borders behind the current id, plus one.
    function testFuzz_theDayFollowsFromTheId(uint8[24] calldata steps, uint32 blockTimeSeed, uint8 sizeSeed) public {
        uint8 size = sizeSeed % 20 + 1;
        uint256 blockTime = 864_000_000 / size / (uint256(blockTimeSeed) % 50 + 1);
        PowerloomDataMarket m = _newMarket(size, blockTime, false);
        _equip(m);
        uint256 perDay = m.epochsInADay();
        vm.assertEq(perDay, 864_000_000 / (blockTime * size));
        uint256 end = 0;
        for (uint256 i = 0; i < steps.length; ++i) {
            uint256 jump = uint256(steps[i]) * size;
            if (jump == 0) _releaseAt(m, end + 1, end + size);
            else _skip(m, end + jump + 1 - size, end + jump);
            end += jump == 0 ? size : jump;
            vm.assertEq(_id(m), end / size);
            vm.assertEq(m.dayCounter(), (end / size - 1) / perDay + 1);
        }
    }
}
