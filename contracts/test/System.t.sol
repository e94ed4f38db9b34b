// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {PowerloomDataMarket} from "../src/DataMarket.sol";
import {DataMarketFactory} from "../src/DataMarketFactory.sol";
import {OwnershipCannotBeRenounced} from "../src/Errors.sol";
import {PowerloomNodes} from "../src/Nodes.sol";
import {PowerloomProtocolState} from "../src/ProtocolState.sol";
import {DevnetToken} from "../src/devnet/DevnetToken.sol";
import {MarketDesk} from "../src/market/MarketDesk.sol";
import {ProtocolStateEvents} from "../src/state/ProtocolStateEvents.sol";
import {Base} from "./Base.sol";
import {Vm} from "./Vm.sol";

/// @dev Small upgrades, as a deployer would make them.
contract ProtocolStateTwo is PowerloomProtocolState {
    function version() external pure returns (uint256) {
        return 2;
    }
}

contract DataMarketTwo is PowerloomDataMarket {
    function version() external pure returns (uint256) {
        return 2;
    }
}

contract NodesTwo is PowerloomNodes {
    function version() external pure returns (uint256) {
        return 2;
    }
}

/// @dev Ownership, markets and their creation, proxies and upgrades.
contract SystemTest is Base {
    bytes32 private constant IMPLEMENTATION_SLOT = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;

    function _implementationOf(address proxy) private view returns (address) {
        return address(uint160(uint256(vm.load(proxy, IMPLEMENTATION_SLOT))));
    }

    function test_aMarketIsCreatedAndAnnouncedTwice() public {
        vm.recordLogs();
        PowerloomDataMarket second = _newMarket(1, 20_000, true);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        bytes32 topic = ProtocolStateEvents.DataMarketCreated.selector;
        vm.assertEq(_count(logs, address(factory), topic), 1);
        vm.assertEq(_count(logs, address(state), topic), 1);
        vm.assertEq(logs[logs.length - 1].topics[1], bytes32(uint256(uint160(marketOwner))));
        vm.assertEq(
            logs[logs.length - 1].data,
            abi.encode(uint8(1), uint256(137), uint256(20_000), true, address(state), address(second))
        );
        vm.assertEq(state.dataMarketCount(), 2);
        vm.assertEq(state.dataMarketIdToAddress(1), address(market));
        vm.assertEq(state.dataMarketIdToAddress(2), address(second));
        vm.assertTrue(state.dataMarketEnabled(address(second)));
        (, bytes memory info) = address(state).staticcall(abi.encodeCall(state.dataMarkets, (address(second))));
        vm.assertEq(
            info, abi.encode(marketOwner, uint8(1), uint256(137), uint256(20_000), true, true, second, block.timestamp)
        );
        (, info) = address(state).staticcall(abi.encodeCall(state.dataMarkets, (stranger)));
        vm.assertEq(info, new bytes(256));
        // An ERC-1967 proxy on the factory's code, not a clone.
        vm.assertEq(_implementationOf(address(second)), factory.implementation());
    }

    function test_ownersOnly() public {
        vm.startPrank(stranger);
        _refusesStranger(stranger);
        state.createDataMarket(stranger, 1, 1, 1, false);
        _refusesStranger(stranger);
        state.toggleDataMarket(address(market), false);
        _refusesStranger(stranger);
        state.updateDataMarketFactory(stranger);
        _refusesStranger(stranger);
        state.updateSnapshotterState(stranger);
        _refusesStranger(stranger);
        state.renounceOwnership();
        _refusesStranger(stranger);
        state.transferOwnership(stranger);
        vm.stopPrank();
    }

    function test_addressesWithoutCodeAreTakenAndZeroIsNot() public {
        vm.startPrank(owner);
        state.updateDataMarketFactory(stranger);
        state.updateSnapshotterState(stranger);
        vm.assertEq(state.dataMarketFactory(), stranger);
        vm.assertEq(state.snapshotterState(), stranger);
        _refuses("E45");
        state.updateDataMarketFactory(address(0));
        _refuses("E45");
        state.updateSnapshotterState(address(0));
        vm.stopPrank();
    }

    function test_initializersRunOnce() public {
        vm.expectRevert(bytes4(keccak256("InvalidInitialization()")));
        state.initialize(stranger, stranger, stranger);
        vm.expectRevert(bytes4(keccak256("InvalidInitialization()")));
        nodes.initialize(stranger, 1, "x");
        vm.expectRevert(bytes4(keccak256("InvalidInitialization()")));
        market.initialize(stranger, 1, 1, 1, false, address(state));
        address implementation = factory.implementation();
        vm.expectRevert(bytes4(keccak256("InvalidInitialization()")));
        PowerloomDataMarket(implementation).initialize(stranger, 1, 1, 1, false, address(state));
        MarketDesk desk = MarketDesk(state.marketDesk());
        vm.expectRevert(bytes4(keccak256("InvalidInitialization()")));
        desk.initialize(stranger, 1, 1, 1, false, address(state));
    }

    function test_initializersRefuseZeros() public {
        PowerloomProtocolState code = new PowerloomProtocolState();
        _refuses("E45");
        new ERC1967Proxy(address(code), abi.encodeCall(code.initialize, (owner, address(0), address(factory))));
        _refuses("E45");
        new ERC1967Proxy(address(code), abi.encodeCall(code.initialize, (owner, address(nodes), address(0))));
        vm.expectRevert(abi.encodeWithSignature("OwnableInvalidOwner(address)", address(0)));
        new ERC1967Proxy(address(code), abi.encodeCall(code.initialize, (address(0), address(nodes), address(factory))));
        PowerloomDataMarket marketCode = new PowerloomDataMarket();
        _refuses("E45");
        new ERC1967Proxy(
            address(marketCode), abi.encodeCall(marketCode.initialize, (owner, 1, 1, 1, false, address(0)))
        );
        // Nor a protocol state that is no contract: nobody could ever answer for it.
        _refuses("E45");
        new ERC1967Proxy(address(marketCode), abi.encodeCall(marketCode.initialize, (owner, 1, 1, 1, false, stranger)));
        vm.expectRevert(abi.encodeWithSignature("OwnableInvalidOwner(address)", address(0)));
        new ERC1967Proxy(
            address(marketCode), abi.encodeCall(marketCode.initialize, (address(0), 1, 1, 1, false, address(state)))
        );
        PowerloomNodes nodesCode = new PowerloomNodes();
        _refuses("Node price must be greater than 0");
        new ERC1967Proxy(address(nodesCode), abi.encodeCall(nodesCode.initialize, (owner, 0, "x")));
    }

    function test_ownershipTakesTwoStepsAndIsNotRenounced() public {
        vm.startPrank(owner);
        _refusesWith(abi.encodeWithSelector(OwnershipCannotBeRenounced.selector));
        state.renounceOwnership();
        _refusesWith(abi.encodeWithSelector(OwnershipCannotBeRenounced.selector));
        nodes.renounceOwnership();
        state.transferOwnership(stranger);
        nodes.transferOwnership(stranger);
        vm.stopPrank();
        vm.assertEq(state.owner(), owner);
        vm.assertEq(state.pendingOwner(), stranger);
        vm.startPrank(stranger);
        state.acceptOwnership();
        nodes.acceptOwnership();
        vm.stopPrank();
        vm.assertEq(state.owner(), stranger);
        vm.assertEq(nodes.owner(), stranger);
    }

    function test_onlyItsProtocolStateMakesMarkets() public {
        _refuses("E44");
        factory.createDataMarket(stranger, 1, 1, 1, false, address(state));
    }

    function test_aFactoryThatMakesNothing() public {
        BrokenFactory broken = new BrokenFactory(address(0));
        vm.startPrank(owner);
        state.updateDataMarketFactory(address(broken));
        _refuses("Failed to create DataMarket");
        state.createDataMarket(owner, 1, 1, 1, false);
        // Nor may it hand out a market that exists.
        state.updateDataMarketFactory(address(new BrokenFactory(address(market))));
        _refuses("Failed to create DataMarket");
        state.createDataMarket(owner, 1, 1, 1, false);
        vm.stopPrank();
    }

    function test_readingAMarketThatIsNone() public {
        vm.expectRevert();
        state.dayCounter(stranger);
    }

    function test_theTokenOfTheDevnet() public {
        DevnetToken token = new DevnetToken("Test USD", "TUSD", 6);
        vm.prank(stranger);
        token.mint(stranger, 5);
        vm.assertEq(token.balanceOf(stranger), 5);
        vm.assertEq(token.decimals(), 6);
        vm.assertEq(token.symbol(), "TUSD");
    }

    function test_plainEther() public {
        vm.deal(address(this), 2 ether);
        (bool ok,) = address(state).call{value: 1 ether}("");
        vm.assertTrue(ok);
        (ok,) = address(nodes).call{value: 1 ether}("");
        vm.assertTrue(ok);
        vm.assertEq(address(state).balance + address(nodes).balance, 2 ether);
    }

    function test_upgrades() public {
        uint256 epoch = _release();
        _submitOne("QmTest", epoch, "project", "QmTest123");
        _vote(v1, "QmTest", epoch, GOOD);
        ProtocolStateTwo stateCode = new ProtocolStateTwo();
        DataMarketTwo marketCode = new DataMarketTwo();
        NodesTwo nodesCode = new NodesTwo();

        vm.startPrank(stranger);
        _refusesStranger(stranger);
        state.upgradeToAndCall(address(stateCode), "");
        _refusesStranger(stranger);
        market.upgradeToAndCall(address(marketCode), "");
        _refusesStranger(stranger);
        nodes.upgradeToAndCall(address(nodesCode), "");
        vm.stopPrank();

        vm.startPrank(owner);
        state.upgradeToAndCall(address(stateCode), "");
        nodes.upgradeToAndCall(address(nodesCode), "");
        vm.stopPrank();
        vm.prank(marketOwner);
        market.upgradeToAndCall(address(marketCode), "");
        vm.assertEq(ProtocolStateTwo(payable(address(state))).version(), 2);
        vm.assertEq(DataMarketTwo(address(market)).version(), 2);
        vm.assertEq(NodesTwo(payable(address(nodes))).version(), 2);

        vm.assertEq(state.owner(), owner);
        vm.assertEq(nodes.nodePrice(), 1 ether);
        vm.assertEq(nodes.name(), "Weft nodes");
        vm.assertEq(state.dataMarketCount(), 1);
        vm.assertEq(_cid("project", epoch), "QmTest123");
        vm.assertEq(state.getTotalValidatorsCount(address(market)), 3);
        _vote(v2, "QmTest", epoch, GOOD);
        vm.assertEq(_status("project", epoch), 1);
    }

    function test_codeLeavesRoomForAnUpgrade() public view {
        vm.assertLe(address(factory.implementation()).code.length, 24_576 - 230);
        vm.assertLe(_implementationOf(address(state)).code.length, 24_576 - 230);
        vm.assertLe(_implementationOf(address(nodes)).code.length, 24_576 - 230);
        vm.assertLe(type(DataMarketFactory).creationCode.length, 49_152);
    }
}

/// @dev Answers with an address of its maker's choice.
contract BrokenFactory {
    address private immutable answer;

    constructor(address answer_) {
        answer = answer_;
    }

    function createDataMarket(address, uint8, uint256, uint256, bool, address) external view returns (address) {
        return answer;
    }
}
