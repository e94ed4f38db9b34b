// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {PowerloomDataMarket} from "../src/DataMarket.sol";
import {PowerloomProtocolState} from "../src/ProtocolState.sol";
import {IDataMarket} from "../src/interfaces/IDataMarket.sol";
import {IMarketErrors} from "../src/interfaces/IMarketErrors.sol";
import {MarketDesk} from "../src/market/MarketDesk.sol";
import {Base} from "./Base.sol";

/// @dev The code that markets run on their own state: it is known by its hash, wherever it lies.
contract DeskTest is Base {
    /// @dev Runs, and lets everybody do everything: an answer of nothing.
    bytes private constant OTHER_CODE = hex"00";

    function _setQuota(uint256 quota) private {
        vm.prank(marketOwner);
        state.updateDailySnapshotQuota(address(market), quota);
    }

    function _refusesDesk(address desk) private {
        _refusesWith(abi.encodeWithSelector(IMarketErrors.UnknownDesk.selector, desk));
    }

    function test_byItselfItRefusesEverything() public {
        MarketDesk desk = new MarketDesk();
        _refuses("E44");
        desk.updateEpochManager(stranger, address(0));
        vm.expectRevert(bytes4(keccak256("InvalidInitialization()")));
        desk.initialize(stranger, 1, 1, 1, false, address(state));
        vm.assertEq(desk.owner(), address(0));
    }

    function test_anyoneMayPointToACopyAndNobodyToAnythingElse() public {
        address copy = address(new MarketDesk());
        vm.prank(stranger);
        market.adoptDesk(copy);
        // What lies where the first one was matters no more.
        vm.etch(state.marketDesk(), OTHER_CODE);
        _setQuota(7);
        vm.assertEq(market.dailySnapshotQuota(), 7);

        address[5] memory others = [address(0), stranger, address(market), factory.implementation(), state.marketDesk()];
        for (uint256 i = 0; i < others.length; ++i) {
            _refusesDesk(others[i]);
            vm.prank(marketOwner);
            market.adoptDesk(others[i]);
        }
        _setQuota(8);
        vm.assertEq(market.dailySnapshotQuota(), 8);
    }

    /// @dev As after an upgrade of the market to code with another desk.
    function test_anotherDeskIsNotRun() public {
        vm.etch(state.marketDesk(), OTHER_CODE);
        _refusesDesk(state.marketDesk());
        vm.prank(marketOwner);
        state.updateDailySnapshotQuota(address(market), 7);
        _refusesDesk(state.marketDesk());
        vm.prank(marketOwner);
        state.forceSkipEpoch(address(market), 1, 10);
        _refusesDesk(state.marketDesk());
        market.getSlotInfo(1);
        IDataMarket.SnapshotProof memory proof;
        _refusesDesk(state.marketDesk());
        market.verifySnapshot(proof);

        // Epochs and batches go on; votes wait.
        uint256 epoch = _release();
        _submitOne("QmOne", epoch, "project", "QmTest123");
        vm.prank(v1);
        _refusesDesk(state.marketDesk());
        state.submitBatchAttestation(address(market), "QmOne", epoch, GOOD);

        // An upgrade and its desk in one transaction.
        address code = address(new PowerloomDataMarket());
        bytes memory adoption = abi.encodeCall(PowerloomDataMarket.adoptDesk, (address(new MarketDesk())));
        vm.prank(marketOwner);
        market.upgradeToAndCall(code, adoption);
        _setQuota(7);
        vm.assertEq(market.dailySnapshotQuota(), 7);
        _vote(v1, "QmOne", epoch, GOOD);
        _vote(v2, "QmOne", epoch, GOOD);
        vm.assertEq(_status("project", epoch), 1);
    }

    /// @dev An upgrade of the protocol state brings a desk for new markets; those that are there keep theirs.
    function test_anUpgradeOfTheProtocolStateChangesNoMarket() public {
        address before = state.marketDesk();
        address code = address(new PowerloomProtocolState());
        vm.prank(owner);
        state.upgradeToAndCall(code, "");
        vm.assertTrue(state.marketDesk() != before);
        vm.etch(state.marketDesk(), OTHER_CODE);
        _setQuota(7);
        vm.assertEq(market.dailySnapshotQuota(), 7);

        // A market made of this code without its initializer adopts the desk, but does not come to life without one to answer to.
        bytes memory adoption = abi.encodeCall(PowerloomDataMarket.adoptDesk, (before));
        PowerloomDataMarket bare = PowerloomDataMarket(address(new ERC1967Proxy(factory.implementation(), adoption)));
        _refuses("E45");
        bare.initialize(stranger, 1, 1, 1, false, address(0));

        // The factory still has the code of the desk that was: its markets would not work, so there are none.
        _refusesDesk(state.marketDesk());
        vm.prank(owner);
        state.createDataMarket(marketOwner, 10, 137, 2_000_000, false);
    }

    /// @dev A reading function runs the desk in a static call, which refuses any writing.
    function test_readingThroughTheDesk() public {
        _setQuota(1);
        vm.prank(marketOwner);
        state.loadSlotSubmissions(address(market), 3, 1, 5);
        IDataMarket.SlotInfo memory info = market.getSlotInfo(3);
        vm.assertEq(info.slotId, 3);
        vm.assertEq(info.snapshotterAddress, address(0));
        vm.assertEq(info.rewardPoints, 0);
        vm.assertEq(info.currentDaySnapshotCount, 5);
        info = state.getSlotInfo(address(market), 3);
        vm.assertEq(info.currentDaySnapshotCount, 5);
    }
}
