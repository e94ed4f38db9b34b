// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PowerloomDataMarket} from "../src/DataMarket.sol";
import {ValueOutOfRange} from "../src/Errors.sol";
import {IDataMarket} from "../src/interfaces/IDataMarket.sol";
import {IMarketErrors} from "../src/interfaces/IMarketErrors.sol";
import {MarketDeskEvents} from "../src/market/MarketDeskEvents.sol";
import {ProtocolStateEvents} from "../src/state/ProtocolStateEvents.sol";
import {Base} from "./Base.sol";

/// @dev What a market is about: from an epoch on that nobody has worked for yet.
contract ManifestsTest is Base {
    function _set(string memory cid, uint256 from) private {
        vm.prank(marketOwner);
        state.setMarketManifest(address(market), cid, from);
    }

    function _setRefuses(uint256 from, uint256 current) private {
        vm.prank(marketOwner);
        _refusesWith(abi.encodeWithSelector(IMarketErrors.EpochAlreadyReleased.selector, from, current));
        state.setMarketManifest(address(market), "too late", from);
    }

    function _at(uint256 epochId, string memory cid, uint256 from) private view {
        (string memory isCid, uint256 isFrom) = state.marketManifestAt(address(market), epochId);
        vm.assertEq(isCid, cid);
        vm.assertEq(isFrom, from);
    }

    function _now(string memory cid, uint256 from, string memory pendingCid, uint256 pendingFrom) private view {
        (string memory isCid, uint256 isFrom, string memory isPending, uint256 isPendingFrom) =
            state.marketManifest(address(market));
        vm.assertEq(isCid, cid);
        vm.assertEq(isFrom, from);
        vm.assertEq(isPending, pendingCid);
        vm.assertEq(isPendingFrom, pendingFrom);
    }

    function test_itAppliesFromItsEpochOn() public {
        _now("", 0, "", 0);
        _at(1, "", 0);
        vm.expectEmit(true, true, true, true, address(market));
        emit MarketDeskEvents.MarketManifestSet("first", 2, block.timestamp);
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.MarketManifestSet(address(market), "first", 2, block.timestamp);
        _set("first", 2);
        _now("", 0, "first", 2);
        _release();
        _now("", 0, "first", 2);
        _release();
        _now("first", 2, "", 0);
        _set("second", 5);
        _now("first", 2, "second", 5);
        for (uint256 i = 0; i < 3; ++i) {
            _release();
        }
        _now("second", 5, "", 0);
        _at(1, "", 0);
        _at(2, "first", 2);
        _at(4, "first", 2);
        _at(5, "second", 5);
        _at(1000, "second", 5);
    }

    function test_whatHasNotBegunIsReplaced() public {
        _set("first", 5);
        _set("second", 3);
        _now("", 0, "second", 3);
        _at(4, "second", 3);
        for (uint256 i = 0; i < 3; ++i) {
            _release();
        }
        _set("third", 9);
        _set("fourth", 7);
        _at(3, "second", 3);
        _at(8, "fourth", 7);
        _now("second", 3, "fourth", 7);
    }

    function test_noReleasedEpochGetsAnother() public {
        _release();
        _release();
        _setRefuses(1, 2);
        _setRefuses(2, 2);
        _set("from the next", 3);
        _release();
        _setRefuses(3, 3);
        // Skipped epochs are over, too.
        vm.prank(marketOwner);
        state.forceSkipEpoch(address(market), 91, 100);
        _setRefuses(5, 10);
        _set("after the skip", 11);
    }

    function test_refusals() public {
        vm.prank(stranger);
        _refuses("E08");
        state.setMarketManifest(address(market), "", 1);
        vm.startPrank(marketOwner);
        _refuses("E45");
        state.setMarketManifest(address(market), "", 1);
        _refusesWith(abi.encodeWithSelector(IMarketErrors.CidTooLong.selector, 129, 128));
        state.setMarketManifest(address(market), string(new bytes(129)), 1);
        _refuses("E02");
        state.setMarketManifest(stranger, "x", 1);
        _refusesWith(abi.encodeWithSelector(ValueOutOfRange.selector, 1 << 64, type(uint64).max));
        state.setMarketManifest(address(market), "x", 1 << 64);
        _refuses("E44");
        market.setMarketManifest("x", 1, marketOwner);
        vm.stopPrank();
        _grant(market, IDataMarket.Role.ADMIN, stranger);
        vm.prank(stranger);
        state.setMarketManifest(address(market), "x", 1);
    }

    function test_anOffsetIntoTheHead() public {
        bytes memory data = abi.encodeCall(state.setMarketManifest, (address(market), "x", 64));
        assembly ("memory-safe") {
            mstore(add(data, 0x44), 0x40)
        }
        vm.prank(marketOwner);
        (bool ok, bytes memory answer) = address(state).call(bytes.concat(data, new bytes(512)));
        vm.assertFalse(ok);
        vm.assertEq(answer, abi.encodeWithSignature("MalformedCalldata()"));
    }

    /// @dev Epoch 0 is one of its own where block numbers are ids.
    function test_blockNumbersAsIds() public {
        PowerloomDataMarket blocks = _newMarket(1, 20_000, true);
        _equip(blocks);
        vm.prank(marketOwner);
        state.setMarketManifest(address(blocks), "genesis", 0);
        (,, string memory pending,) = state.marketManifest(address(blocks));
        vm.assertEq(pending, "genesis");
        vm.prank(manager);
        state.releaseEpoch(address(blocks), 0, 0);
        (string memory cid,,,) = state.marketManifest(address(blocks));
        vm.assertEq(cid, "genesis");
        vm.prank(marketOwner);
        _refusesWith(abi.encodeWithSelector(IMarketErrors.EpochAlreadyReleased.selector, 0, 0));
        state.setMarketManifest(address(blocks), "x", 0);
    }

    /// @dev Whatever is set and released when, an epoch keeps the manifest it was released with.
    function testFuzz_aReleasedEpochKeepsItsManifest(uint8[20] calldata steps) public {
        string[25] memory was;
        uint256 epochs = 0;
        for (uint256 i = 0; i < steps.length; ++i) {
            if (steps[i] % 2 == 0) {
                epochs = _release();
                (was[epochs],) = state.marketManifestAt(address(market), epochs);
                (string memory current,,,) = state.marketManifest(address(market));
                vm.assertEq(current, was[epochs]);
            } else {
                _set(vm.toString(i), epochs + 1 + steps[i] / 2 % 4);
            }
        }
        for (uint256 epochId = 1; epochId <= epochs; ++epochId) {
            (string memory cid,) = state.marketManifestAt(address(market), epochId);
            vm.assertEq(cid, was[epochId]);
        }
    }
}
