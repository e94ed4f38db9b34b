// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {NodeAssignment} from "../src/nodes/NodeAssignment.sol";
import {NodeMinting} from "../src/nodes/NodeMinting.sol";
import {NodeSettings} from "../src/nodes/NodeSettings.sol";
import {NodeVesting} from "../src/nodes/NodeVesting.sol";
import {PowerloomNodes} from "../src/Nodes.sol";
import {Base} from "./Base.sol";
import {Vm} from "./Vm.sol";

/// @dev Receives nodes and ether, and calls back when told to.
contract Receiver {
    bytes public onNode;
    bytes public onEther;
    uint256 public value;
    bool public failed;

    /// @dev What to call on receiving a node or ether, and the ether to send along.
    function set(bytes calldata onNode_, bytes calldata onEther_, uint256 value_) external {
        (onNode, onEther, value, failed) = (onNode_, onEther_, value_, false);
    }

    function run(address target, uint256 value, bytes calldata call) external payable {
        (bool ok, bytes memory answer) = target.call{value: value}(call);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }

    function _back(bytes memory call) private {
        if (call.length == 0) return;
        (bool ok,) = msg.sender.call{value: value}(call);
        failed = !ok;
    }

    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external returns (bytes4) {
        _back(onNode);
        return this.onERC1155Received.selector;
    }

    receive() external payable {
        _back(onEther);
    }
}

/// @dev The registry: minting, assignment, burning, vesting.
contract NodesTest is Base {
    address internal immutable alice = _actor("alice");
    address internal immutable bob = _actor("bob");
    address internal immutable s1 = _actor("snapshotter 1");
    address internal immutable s2 = _actor("snapshotter 2");

    uint256 private constant VALUE = 1000 ether;
    uint256 private constant ON_L1 = 100 ether;
    uint256 private start;

    function setUp() public override {
        super.setUp();
        vm.deal(alice, 1000 ether);
        vm.deal(bob, 1000 ether);
        start = block.timestamp + 10 days;
    }

    function _open() private {
        vm.prank(owner);
        nodes.setMintStartTime(block.timestamp);
    }

    function _mint(address to, uint256 amount) private {
        vm.prank(to);
        nodes.mintNode{value: amount * 1 ether}(amount);
    }

    /// @dev Share 25 %, cliff 30 days, 130 vesting days, 365 days without KYC.
    function _configure(uint256 count) private {
        vm.prank(owner);
        nodes.configureLegacyNodes(count, 250_000, 30, VALUE, 130, start, ON_L1, 365 days);
    }

    function _legacy(address to, bool kyc) private returns (uint256 id) {
        vm.prank(owner);
        nodes.adminMintLegacyNodes(to, 1, kyc);
        return nodes.nodeCount();
    }

    function _assign(address who, uint256 id, address snapshotter) private {
        vm.prank(who);
        nodes.assignSnapshotterToNode(id, snapshotter);
    }

    function _burn(address who, uint256 id) private {
        vm.prank(who);
        nodes.burnNode(id);
    }

    function _claim(address who, uint256 id) private {
        vm.prank(who);
        nodes.claimNodeTokens(id);
    }

    // ------------------------------------------------------------ settings

    function test_settingsAndTheirEvents() public {
        vm.startPrank(owner);
        address n = address(nodes);
        vm.expectEmit(true, true, true, true, n);
        emit NodeSettings.ConfigurationUpdated("MintStartTime", 7);
        nodes.setMintStartTime(7);
        vm.expectEmit(true, true, true, true, n);
        emit NodeSettings.ConfigurationUpdated("SnapshotterAddressChangeCooldown", 8);
        nodes.setSnapshotterAddressChangeCooldown(8);
        vm.expectEmit(true, true, true, true, n);
        emit NodeSettings.ConfigurationUpdated("SnapshotterTokenClaimCooldown", 9);
        nodes.setSnapshotterTokenClaimCooldown(9);
        vm.expectEmit(true, true, true, true, n);
        emit NodeSettings.ConfigurationUpdated("NodePrice", 10);
        nodes.updateNodePrice(10);
        vm.expectEmit(true, true, true, true, n);
        emit NodeSettings.ConfigurationUpdated("MaxSupply", 11);
        nodes.updateMaxSupply(11);
        vm.expectEmit(true, true, true, true, n);
        emit NodeSettings.ConfigurationUpdated("LegacyNodesConfig", 12);
        nodes.configureLegacyNodes(12, 13, 14, 15, 16, 17, 1, 18);
        vm.expectEmit(true, true, true, true, n);
        emit NodeSettings.URIUpdated("ipfs://x");
        nodes.setURI("ipfs://x");
        vm.expectEmit(true, true, true, true, n);
        emit NodeSettings.NameUpdated("new");
        nodes.setName("new");
        vm.stopPrank();
        vm.assertEq(nodes.mintStartTime(), 7);
        vm.assertEq(nodes.snapshotterAddressChangeCooldown(), 8);
        vm.assertEq(nodes.snapshotterTokenClaimCooldown(), 9);
        vm.assertEq(nodes.nodePrice(), 10);
        vm.assertEq(nodes.MAX_SUPPLY(), 11);
        vm.assertEq(nodes.legacyNodeCount(), 12);
        vm.assertEq(nodes.legacyNodeInitialClaimPercentage(), 13);
        vm.assertEq(nodes.legacyNodeCliff(), 14);
        vm.assertEq(nodes.legacyNodeValue(), 15);
        vm.assertEq(nodes.legacyNodeVestingDays(), 16);
        vm.assertEq(nodes.legacyNodeVestingStart(), 17);
        vm.assertEq(nodes.legacyTokensSentOnL1(), 1);
        vm.assertEq(nodes.legacyNodeNonKycedCooldown(), 18);
        vm.assertEq(nodes.uri(1), "ipfs://x");
        vm.assertEq(nodes.name(), "new");
    }

    function test_settingsAreTheOwnersAlone() public {
        bytes[] memory calls = new bytes[](16);
        calls[0] = abi.encodeCall(nodes.setMintStartTime, (1));
        calls[1] = abi.encodeCall(nodes.setSnapshotterAddressChangeCooldown, (1));
        calls[2] = abi.encodeCall(nodes.setSnapshotterTokenClaimCooldown, (1));
        calls[3] = abi.encodeCall(nodes.updateNodePrice, (1));
        calls[4] = abi.encodeCall(nodes.updateMaxSupply, (1));
        calls[5] = abi.encodeCall(nodes.configureLegacyNodes, (1, 1, 1, 1, 1, 1, 1, 1));
        calls[6] = abi.encodeCall(nodes.setURI, ("x"));
        calls[7] = abi.encodeCall(nodes.setName, ("x"));
        calls[8] = abi.encodeCall(nodes.updateAdmins, (new address[](0), new bool[](0)));
        calls[9] = abi.encodeCall(nodes.pause, ());
        calls[10] = abi.encodeCall(nodes.unpause, ());
        calls[11] = abi.encodeCall(nodes.emergencyWithdraw, ());
        calls[12] = abi.encodeCall(nodes.adminMintLegacyNodes, (alice, 1, true));
        calls[13] = abi.encodeCall(nodes.completeKyc, (1));
        calls[14] = abi.encodeCall(nodes.renounceOwnership, ());
        calls[15] = abi.encodeCall(nodes.transferOwnership, (alice));
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(alice);
            (bool ok, bytes memory answer) = address(nodes).call(calls[i]);
            vm.assertFalse(ok);
            vm.assertEq(answer, abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", alice));
        }
    }

    function test_valuesOutOfBounds() public {
        _open();
        _mint(alice, 2);
        vm.startPrank(owner);
        _refuses("Node price must be greater than 0");
        nodes.updateNodePrice(0);
        _refuses("E46");
        nodes.updateMaxSupply(2);
        nodes.updateMaxSupply(3);
        _refuses("Initial claim percentage must be less than 100%");
        nodes.configureLegacyNodes(1, 1_000_001, 1, 0, 1, 1, 1, 1);
        _refuses("Legacy node value must be greater than 0");
        nodes.configureLegacyNodes(1, 1_000_000, 1, 0, 1, 1, 1, 1);
        _refuses("Tokens sent on L1 must be less than the total node value");
        nodes.configureLegacyNodes(1, 1_000_000, 1, 1, 1, 1, 1, 1);
        _refuses("Vesting days must be greater than the cliff period");
        nodes.configureLegacyNodes(1, 1_000_000, 1, 2, 1, 1, 1, 1);
        vm.stopPrank();
    }

    function test_admins() public {
        address[] memory accounts = new address[](2);
        bool[] memory states = new bool[](2);
        (accounts[0], accounts[1], states[0]) = (alice, bob, true);
        vm.startPrank(owner);
        _refuses("Input lengths do not match");
        nodes.updateAdmins(accounts, new bool[](1));
        vm.expectEmit(true, true, true, true, address(nodes));
        emit NodeSettings.AdminsUpdated(alice, true);
        nodes.updateAdmins(accounts, states);
        vm.assertEq(nodes.getAdmins().length, 1);
        vm.assertEq(nodes.getAdmins()[0], alice);
        states[0] = false;
        nodes.updateAdmins(accounts, states);
        vm.assertEq(nodes.getAdmins().length, 0);
        vm.stopPrank();
    }

    // ------------------------------------------------------------ minting

    function test_mintChecksInOrder() public {
        vm.startPrank(alice);
        _refuses("Amount must be greater than 0");
        nodes.mintNode(0);
        // Not set comes before not paid.
        _refuses("Mint start time is not set");
        nodes.mintNode(1);
        vm.stopPrank();
        vm.prank(owner);
        nodes.setMintStartTime(block.timestamp + 1);
        vm.startPrank(alice);
        _refuses("Amount must be greater than 0");
        nodes.mintNode(0);
        _refuses("Mint is not open yet");
        nodes.mintNode(1);
        vm.warp(block.timestamp + 1);
        _refuses("Not enough Power!");
        nodes.mintNode{value: 2 ether - 1}(2);
        vm.stopPrank();
        vm.prank(owner);
        nodes.updateMaxSupply(2);
        vm.prank(alice);
        _refuses("Max supply reached");
        nodes.mintNode{value: 3 ether}(3);
        _mint(alice, 2);
        _burn(alice, 1);
        // W10: the cap is on ids, so burning makes no room.
        vm.prank(alice);
        _refuses("Max supply reached");
        nodes.mintNode{value: 1 ether}(1);
    }

    function test_aPublicNode() public {
        _open();
        vm.expectEmit(true, true, true, true, address(nodes));
        emit NodeMinting.NodeMinted(alice, 1);
        vm.expectEmit(true, true, true, true, address(nodes));
        emit NodeMinting.NodeMinted(alice, 2);
        vm.prank(alice);
        nodes.mintNode{value: 5 ether}(2);
        vm.assertEq(alice.balance, 998 ether);
        vm.assertEq(nodes.nodeCount(), 2);
        vm.assertEq(nodes.totalSupply(), 2);
        vm.assertEq(nodes.totalSupply(1), 1);
        vm.assertEq(nodes.totalSupply(3), 0);
        vm.assertTrue(nodes.exists(2));
        vm.assertEq(nodes.balanceOf(alice, 2), 1);
        vm.assertEq(nodes.nodeIdToOwner(1), alice);
        vm.assertEq(nodes.getNodesOwned(alice), 2);
        vm.assertEq(nodes.getUserOwnedNodeIds(alice), _list(1, 2));
        _checkInfo(1, 1 ether, 0, false, false);
        vm.assertTrue(nodes.isNodeAvailable(1));
        vm.assertFalse(nodes.isNodeAvailable(3));
        vm.assertFalse(nodes.isNodeAvailable(0));
        vm.assertFalse(nodes.isNodeBurned(1));
    }

    function _checkInfo(uint256 id, uint256 price, uint256 onL1, bool isLegacy, bool isKyced) private view {
        (, bytes memory info) = address(nodes).staticcall(abi.encodeCall(nodes.nodeInfo, (id)));
        uint256 now_ = block.timestamp;
        vm.assertEq(info, abi.encode(address(0), price, onL1, now_, uint256(0), now_, isLegacy, false, false, isKyced));
    }

    function test_legacyNodes() public {
        vm.startPrank(owner);
        _refuses("Amount must be greater than 0");
        nodes.adminMintLegacyNodes(alice, 0, true);
        _refuses("Legacy nodes are not configured yet!");
        nodes.adminMintLegacyNodes(alice, 1, true);
        vm.stopPrank();
        _configure(2);
        _open();
        vm.prank(alice);
        _refuses("Node count must be greater than legacy node count");
        nodes.mintNode{value: 1 ether}(1);
        vm.startPrank(owner);
        _refuses("Node count exceeds legacy node count");
        nodes.adminMintLegacyNodes(alice, 3, true);
        nodes.adminMintLegacyNodes(alice, 2, true);
        _refuses("Node count exceeds legacy node count");
        nodes.adminMintLegacyNodes(alice, 1, true);
        vm.stopPrank();
        _checkInfo(1, VALUE, ON_L1, true, true);
        _mint(alice, 1);
        _checkInfo(3, 1 ether, 0, false, false);
    }

    function test_adminMintHonoursTheCap() public {
        _configure(10);
        vm.startPrank(owner);
        nodes.updateMaxSupply(1);
        _refuses("Max supply reached");
        nodes.adminMintLegacyNodes(alice, 2, true);
        vm.stopPrank();
    }

    function test_nodesAreNotTransferred() public {
        _open();
        _mint(alice, 1);
        vm.startPrank(alice);
        _refuses("Transfers are not allowed on SBTs");
        nodes.safeTransferFrom(alice, bob, 1, 1, "");
        _refuses("Transfers are not allowed on SBTs");
        nodes.safeBatchTransferFrom(alice, bob, _list(1), _list(1), "");
        vm.stopPrank();
        vm.assertTrue(nodes.supportsInterface(0xd9b67a26));
    }

    // ------------------------------------------------------------ assignment

    function test_assignment() public {
        _open();
        _mint(alice, 2);
        vm.expectEmit(true, true, true, true, address(nodes));
        emit NodeAssignment.allSnapshottersUpdated(s1, true);
        vm.expectEmit(true, true, true, true, address(nodes));
        emit NodeAssignment.SnapshotterAddressChanged(1, address(0), s1);
        _assign(alice, 1, s1);
        vm.assertEq(nodes.nodeSnapshotterMapping(1), s1);
        vm.assertTrue(nodes.allSnapshotters(s1));
        vm.assertEq(nodes.enabledNodeCount(), 1);
        vm.assertEq(nodes.lastSnapshotterChange(1), block.timestamp);
        vm.recordLogs();
        _assign(alice, 2, s1);
        vm.assertEq(vm.getRecordedLogs().length, 1);
        vm.assertEq(nodes.getTotalSnapshotterCount(), 2);
        // The event carries the old address as well as the new one.
        vm.expectEmit(true, true, true, true, address(nodes));
        emit NodeAssignment.SnapshotterAddressChanged(1, s1, s2);
        _assign(alice, 1, s2);
        vm.assertTrue(nodes.allSnapshotters(s1));
        vm.expectEmit(true, true, true, true, address(nodes));
        emit NodeAssignment.allSnapshottersUpdated(s1, false);
        _assign(alice, 2, s2);
        vm.assertFalse(nodes.allSnapshotters(s1));
        vm.assertEq(nodes.enabledNodeCount(), 2);
        vm.assertEq(state.slotSnapshotterMapping(2), s2);
        vm.assertEq(state.getTotalSnapshotterCount(), 2);
        vm.assertEq(state.enabledNodeCount(), 2);
        vm.assertEq(state.getTotalNodeCount(), 2);
        vm.assertTrue(state.allSnapshotters(s2));
        vm.assertEq(market.getTotalSnapshotterCount(), 2);
    }

    function test_assignmentChecksInOrder() public {
        _open();
        _mint(alice, 1);
        vm.prank(bob);
        _refuses("Only the owner can assign a snapshotter");
        nodes.assignSnapshotterToNode(1, address(0));
        vm.prank(bob);
        _refuses("Only the owner can assign a snapshotter");
        nodes.assignSnapshotterToNode(9, s1);
        vm.prank(owner);
        nodes.setSnapshotterAddressChangeCooldown(100);
        // The mint counts as an update; the cooldown comes before what is wrong with the address.
        vm.startPrank(alice);
        vm.warp(block.timestamp + 99);
        _refuses("Snapshotter address change cooldown not yet met");
        nodes.assignSnapshotterToNode(1, address(0));
        vm.warp(block.timestamp + 1);
        _refuses("Snapshotter address cannot be 0");
        nodes.assignSnapshotterToNode(1, address(0));
        nodes.assignSnapshotterToNode(1, s1);
        _refuses("Snapshotter address change cooldown not yet met");
        nodes.assignSnapshotterToNode(1, s1);
        vm.warp(block.timestamp + 100);
        _refuses("Same address already assigned");
        nodes.assignSnapshotterToNode(1, s1);
        nodes.burnNode(1);
        vm.warp(block.timestamp + 100);
        _refuses("Node is burned");
        nodes.assignSnapshotterToNode(1, s2);
        vm.stopPrank();
    }

    function test_assignmentInBulk() public {
        _open();
        _mint(alice, 2);
        address[] memory both = new address[](2);
        (both[0], both[1]) = (s1, s2);
        vm.startPrank(alice);
        _refuses("Input lengths do not match");
        nodes.assignSnapshotterToNodeBulk(_list(1), both);
        nodes.assignSnapshotterToNodeBulk(_list(1, 2), both);
        vm.stopPrank();
        vm.assertEq(nodes.nodeSnapshotterMapping(2), s2);
        vm.prank(bob);
        _refuses("Only the owner can assign a snapshotter");
        nodes.assignSnapshotterToNodeBulk(_list(1, 2), both);
    }

    function test_assignmentByAdmins() public {
        _open();
        _mint(alice, 2);
        address[] memory both = new address[](2);
        (both[0], both[1]) = (s1, s2);
        vm.startPrank(bob);
        _refuses("Only owner or admin can call this function!");
        nodes.assignSnapshotterToNodeAdmin(9, s1);
        _refuses("Only owner or admin can call this function!");
        nodes.assignSnapshotterToNodeBulkAdmin(_list(1), both);
        vm.stopPrank();
        address[] memory admins = new address[](1);
        bool[] memory yes = new bool[](1);
        (admins[0], yes[0]) = (bob, true);
        vm.prank(owner);
        nodes.updateAdmins(admins, yes);
        vm.prank(owner);
        nodes.setSnapshotterAddressChangeCooldown(100);
        vm.startPrank(bob);
        _refuses("Node ID is out of bounds");
        nodes.assignSnapshotterToNodeAdmin(3, s1);
        _refuses("Node ID is out of bounds");
        nodes.assignSnapshotterToNodeAdmin(0, s1);
        _refuses("Input lengths do not match");
        nodes.assignSnapshotterToNodeBulkAdmin(_list(1), both);
        nodes.assignSnapshotterToNodeBulkAdmin(_list(1, 2), both);
        nodes.assignSnapshotterToNodeAdmin(1, s2);
        _refuses("Same address already assigned");
        nodes.assignSnapshotterToNodeAdmin(1, s2);
        _refuses("Snapshotter address cannot be 0");
        nodes.assignSnapshotterToNodeAdmin(1, address(0));
        vm.stopPrank();
        vm.prank(owner);
        nodes.assignSnapshotterToNodeAdmin(1, s1);
        vm.assertFalse(nodes.allSnapshotters(bob));
    }

    // ------------------------------------------------------------ burning and claiming

    function test_burnAPublicNode() public {
        _open();
        _mint(alice, 3);
        _assign(alice, 1, s1);
        vm.warp(block.timestamp + 1);
        vm.prank(bob);
        _refuses("Node ID is out of bounds");
        nodes.burnNode(4);
        vm.prank(bob);
        _refuses("Only the owner can burn their own node");
        nodes.burnNode(1);
        vm.expectEmit(true, true, true, true, address(nodes));
        emit NodeVesting.NodeBurned(alice, 1);
        _burn(alice, 1);
        vm.assertTrue(nodes.isNodeBurned(1));
        vm.assertFalse(nodes.isNodeAvailable(1));
        vm.assertEq(nodes.balanceOf(alice, 1), 0);
        vm.assertEq(nodes.totalSupply(1), 0);
        vm.assertEq(nodes.totalSupply(), 2);
        vm.assertEq(nodes.enabledNodeCount(), 0);
        vm.assertFalse(nodes.allSnapshotters(s1));
        vm.assertEq(nodes.nodeSnapshotterMapping(1), address(0));
        vm.assertEq(nodes.nodeIdToOwner(1), alice);
        vm.assertEq(nodes.getNodesOwned(alice), 2);
        vm.assertEq(nodes.getUserOwnedNodeIds(alice), _list(3, 2));
        vm.assertEq(nodes.getUserBurnedNodeIds(alice), _list(1));
        uint256[] memory all = nodes.getAllUserNodeIds(alice);
        vm.assertEq(all.length, 3);
        vm.assertEq(all[2], 1);
        (,,,, uint256 burnedOn, uint256 lastUpdated,,, bool active,) = nodes.nodeInfo(1);
        vm.assertEq(burnedOn, block.timestamp);
        vm.assertEq(lastUpdated, block.timestamp);
        vm.assertFalse(active);
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSignature("ERC1155InsufficientBalance(address,uint256,uint256,uint256)", alice, 0, 1, 1)
        );
        nodes.burnNode(1);
        // A node without a snapshotter was not counted, so burning it changes no count.
        _burn(alice, 2);
        vm.assertEq(nodes.enabledNodeCount(), 0);
    }

    /// @dev Burning node 1 moves node 3 to its place in the list, where it has to be found when it is burned itself.
    function test_burnANodeThatWasMoved() public {
        _open();
        _mint(alice, 3);
        _mint(bob, 1);
        _burn(alice, 1);
        _burn(alice, 3);
        vm.assertEq(nodes.getUserOwnedNodeIds(alice), _list(2));
        vm.assertEq(nodes.getUserBurnedNodeIds(alice), _list(1, 3));
        vm.assertEq(nodes.getNodesOwned(alice), 1);
        vm.assertEq(nodes.getUserOwnedNodeIds(bob), _list(4));
        vm.assertTrue(nodes.isNodeAvailable(2));
        _claim(alice, 1);
        _claim(alice, 3);
        vm.assertEq(alice.balance, 999 ether);
        vm.prank(alice);
        _refuses("Need to Burn the Node First");
        nodes.claimNodeTokens(2);
        _burn(alice, 2);
        _claim(alice, 2);
        vm.assertEq(alice.balance, 1000 ether);
        vm.assertEq(nodes.getUserOwnedNodeIds(alice).length, 0);
        vm.assertEq(nodes.getUserBurnedNodeIds(alice).length, 3);
    }

    function test_claimAPublicNode() public {
        _open();
        vm.prank(owner);
        nodes.setSnapshotterTokenClaimCooldown(100);
        _mint(alice, 1);
        vm.prank(owner);
        nodes.updateNodePrice(7 ether);
        vm.prank(alice);
        _refuses("Need to Burn the Node First");
        nodes.claimNodeTokens(1);
        _burn(alice, 1);
        vm.prank(bob);
        _refuses("Only the owner can claim their own tokens");
        nodes.claimNodeTokens(1);
        vm.warp(block.timestamp + 99);
        vm.prank(alice);
        _refuses("Snapshotter token claim cooldown not yet met");
        nodes.claimNodeTokens(1);
        vm.warp(block.timestamp + 1);
        vm.prank(alice);
        vm.assertEq(nodes.claimableNodeTokens(1), 1 ether);
        vm.expectEmit(true, true, true, true, address(nodes));
        emit NodeVesting.SnapshotterTokensClaimed(alice, 1, 1 ether);
        _claim(alice, 1);
        // The price paid, not the price of the day.
        vm.assertEq(alice.balance, 1000 ether);
        vm.prank(alice);
        _refuses("Tokens already claimed");
        nodes.claimNodeTokens(1);
    }

    function test_burnAKycNodeAndVest() public {
        _configure(1);
        uint256 id = _legacy(alice, true);
        vm.deal(address(nodes), 1000 ether);
        vm.assertEq(nodes.getLegacyInitialClaim(), 225 ether);
        _burn(alice, id);
        vm.assertEq(alice.balance, 1225 ether);
        (address who, uint256 initialClaim, uint256 rest, uint256 claimed, uint256 lastClaim) =
            nodes.nodeIdToVestingInfo(id);
        vm.assertEq(who, alice);
        vm.assertEq(initialClaim, 225 ether);
        vm.assertEq(rest, 675 ether);
        vm.assertEq(claimed, 0);
        vm.assertEq(lastClaim, block.timestamp);

        uint256[6] memory atDay = [uint256(0), 29, 30, 31, 80, 130];
        uint256[6] memory vested = [uint256(0), 0, 0, 6.75 ether, 337.5 ether, 675 ether];
        for (uint256 i = 0; i < 6; ++i) {
            vm.warp(start + atDay[i] * 1 days);
            vm.assertEq(nodes.vestedLegacyNodeTokens(), vested[i]);
            vm.assertEq(nodes.claimableLegacyNodeTokens(id), vested[i]);
        }
        vm.warp(start + 30 days);
        vm.prank(alice);
        _refuses("No tokens to claim");
        nodes.claimNodeTokens(id);
        vm.warp(start + 31 days);
        vm.expectEmit(true, true, true, true, address(nodes));
        emit NodeVesting.LegacyNodeTokensClaimed(alice, id, 6.75 ether);
        _claim(alice, id);
        vm.prank(alice);
        _refuses("No tokens to claim");
        nodes.claimNodeTokens(id);
        vm.warp(start + 1000 days);
        _claim(alice, id);
        // Everything but what was paid on L1.
        vm.assertEq(alice.balance, 1900 ether);
        vm.prank(alice);
        _refuses("No tokens to claim");
        nodes.claimNodeTokens(id);
    }

    /// @dev W10: a new configuration neither takes from a burned node nor blocks it.
    function test_aBurnedNodeKeepsItsAmount() public {
        _configure(2);
        uint256 id = _legacy(alice, true);
        vm.deal(address(nodes), 2000 ether);
        _burn(alice, id);
        vm.warp(start + 80 days);
        _claim(alice, id);
        vm.prank(owner);
        nodes.configureLegacyNodes(2, 0, 0, 1 ether, 1000, start, 0, 0);
        vm.assertEq(nodes.claimableLegacyNodeTokens(id), 0);
        vm.warp(start + 1000 days);
        vm.assertEq(nodes.claimableLegacyNodeTokens(id), 337.5 ether);
        _claim(alice, id);
        vm.assertEq(alice.balance, 1900 ether);
    }

    function test_aLegacyNodeWithoutKyc() public {
        _configure(2);
        uint256 id = _legacy(alice, false);
        vm.deal(address(nodes), 2000 ether);
        vm.warp(start + 365 days - 1);
        vm.prank(alice);
        _refuses("Non KYCed legacy nodes cannot be burned before lockup period");
        nodes.burnNode(id);
        vm.warp(start + 365 days);
        _burn(alice, id);
        vm.assertEq(alice.balance, 1000 ether);
        // W10: with KYC now it would be paid a second time.
        vm.prank(owner);
        _refuses("Node is burned");
        nodes.completeKyc(id);
        vm.prank(owner);
        nodes.configureLegacyNodes(2, 250_000, 30, VALUE, 130, block.timestamp, ON_L1, 1);
        vm.prank(alice);
        _refuses("Legacy node non-kyced cooldown not yet met");
        nodes.claimNodeTokens(id);
        vm.warp(block.timestamp + 1);
        vm.expectEmit(true, true, true, true, address(nodes));
        emit NodeVesting.LegacyNodeTokensClaimed(alice, id, 900 ether);
        _claim(alice, id);
        vm.assertEq(alice.balance, 1900 ether);
        vm.prank(alice);
        _refuses("Tokens already claimed");
        nodes.claimNodeTokens(id);
    }

    function test_kyc() public {
        _configure(1);
        uint256 id = _legacy(alice, false);
        _open();
        _mint(alice, 1);
        vm.startPrank(owner);
        _refuses("Node ID is out of bounds");
        nodes.completeKyc(3);
        _refuses("Node is not legacy");
        nodes.completeKyc(2);
        nodes.completeKyc(id);
        _refuses("Node is already KYCed");
        nodes.completeKyc(id);
        vm.stopPrank();
        (,,,,,,,,, bool isKyced) = nodes.nodeInfo(id);
        vm.assertTrue(isKyced);
    }

    function test_paymentsThatFail() public {
        _configure(1);
        uint256 id = _legacy(alice, true);
        vm.prank(alice);
        _refuses("Transfer failed");
        nodes.burnNode(id);
        vm.assertFalse(nodes.isNodeBurned(id));
    }

    function test_pause() public {
        _open();
        _mint(alice, 2);
        _burn(alice, 2);
        vm.prank(owner);
        nodes.pause();
        vm.assertTrue(nodes.paused());
        bytes4 paused = bytes4(keccak256("EnforcedPause()"));
        vm.startPrank(alice);
        vm.expectRevert(paused);
        nodes.mintNode(0);
        vm.expectRevert(paused);
        nodes.burnNode(1);
        vm.expectRevert(paused);
        nodes.claimNodeTokens(2);
        vm.stopPrank();
        vm.prank(owner);
        nodes.unpause();
        _claim(alice, 2);
        vm.prank(owner);
        vm.expectRevert(bytes4(keccak256("ExpectedPause()")));
        nodes.unpause();
    }

    function test_emergencyWithdraw() public {
        _open();
        _mint(alice, 3);
        vm.expectEmit(true, true, true, true, address(nodes));
        emit NodeSettings.EmergencyWithdraw(owner, 3 ether);
        vm.prank(owner);
        nodes.emergencyWithdraw();
        vm.assertEq(owner.balance, 3 ether);
    }

    // ------------------------------------------------------------ reentrancy

    /// @dev W10: with the last legacy node, a nested public mint used to mix the two up. The price is sent along, so that
    /// nothing but the guard is in the way.
    function test_aNestedMintIsRefused() public {
        Receiver receiver = new Receiver();
        _configure(1);
        _open();
        vm.deal(address(receiver), 1 ether);
        receiver.set(abi.encodeCall(nodes.mintNode, (1)), "", 1 ether);
        uint256 id = _legacy(address(receiver), true);
        vm.assertTrue(receiver.failed());
        vm.assertEq(nodes.nodeCount(), 1);
        vm.assertEq(nodes.nodeIdToOwner(id), address(receiver));
        vm.assertEq(address(receiver).balance, 1 ether);
    }

    /// @dev What is nested would be accepted a moment later.
    function test_aNestedClaimOrBurnIsRefused() public {
        Receiver receiver = new Receiver();
        _open();
        vm.deal(address(receiver), 10 ether);
        receiver.run(address(nodes), 3 ether, abi.encodeCall(nodes.mintNode, (3)));
        receiver.run(address(nodes), 0, abi.encodeCall(nodes.burnNode, (1)));
        receiver.run(address(nodes), 0, abi.encodeCall(nodes.burnNode, (3)));
        // Another node's claim in the middle of one.
        receiver.set("", abi.encodeCall(nodes.claimNodeTokens, (3)), 0);
        receiver.run(address(nodes), 0, abi.encodeCall(nodes.claimNodeTokens, (1)));
        vm.assertTrue(receiver.failed());
        vm.assertEq(address(receiver).balance, 8 ether);
        receiver.set("", "", 0);
        receiver.run(address(nodes), 0, abi.encodeCall(nodes.claimNodeTokens, (3)));
        vm.assertEq(address(receiver).balance, 9 ether);
        // The change of a mint is paid back before the call ends: nothing may be burned in between.
        receiver.set("", abi.encodeCall(nodes.burnNode, (2)), 0);
        receiver.run(address(nodes), 2 ether, abi.encodeCall(nodes.mintNode, (1)));
        vm.assertTrue(receiver.failed());
        vm.assertFalse(nodes.isNodeBurned(2));
        // Nor may a mint be nested in a mint.
        receiver.set(abi.encodeCall(nodes.mintNode, (1)), "", 1 ether);
        receiver.run(address(nodes), 1 ether, abi.encodeCall(nodes.mintNode, (1)));
        vm.assertTrue(receiver.failed());
        vm.assertEq(nodes.nodeCount(), 5);
    }

    /// @dev The initial claim of a legacy node is paid before the call ends.
    function test_aBurnInTheMiddleOfABurnIsRefused() public {
        Receiver receiver = new Receiver();
        _configure(2);
        vm.deal(address(nodes), 1000 ether);
        _legacy(address(receiver), true);
        _legacy(address(receiver), true);
        receiver.set("", abi.encodeCall(nodes.burnNode, (2)), 0);
        receiver.run(address(nodes), 0, abi.encodeCall(nodes.burnNode, (1)));
        vm.assertTrue(receiver.failed());
        vm.assertFalse(nodes.isNodeBurned(2));
        vm.assertEq(address(receiver).balance, 225 ether);
    }

    function test_aNestedEmergencyWithdrawIsRefused() public {
        Receiver receiver = new Receiver();
        vm.prank(owner);
        nodes.transferOwnership(address(receiver));
        receiver.run(address(nodes), 0, abi.encodeCall(nodes.acceptOwnership, ()));
        vm.deal(address(nodes), 1 ether);
        receiver.set("", abi.encodeCall(nodes.emergencyWithdraw, ()), 0);
        receiver.run(address(nodes), 0, abi.encodeCall(nodes.emergencyWithdraw, ()));
        vm.assertTrue(receiver.failed());
        vm.assertEq(address(receiver).balance, 1 ether);
    }

    // ------------------------------------------------------------ properties

    /// @dev Whenever it is claimed, a vesting node gets its amount and no more, rising with time.
    function testFuzz_vesting(
        uint96 value,
        uint96 onL1,
        uint32 share,
        uint8 cliff,
        uint8 duration,
        uint16[8] calldata waits
    ) public {
        vm.assume(value > 0);
        uint256 sent = uint256(onL1) % value;
        vm.prank(owner);
        nodes.configureLegacyNodes(
            1, share % 1_000_001, cliff, value, uint256(cliff) + duration + 1, start, sent, 1 days
        );
        uint256 id = _legacy(alice, true);
        vm.deal(address(nodes), type(uint128).max);
        uint256 before = alice.balance;
        _burn(alice, id);
        for (uint256 i = 0; i < waits.length; ++i) {
            vm.warp(block.timestamp + uint256(waits[i]) * 1 hours);
            uint256 claimable = nodes.claimableLegacyNodeTokens(id);
            if (claimable != 0) _claim(alice, id);
            vm.assertEq(nodes.claimableLegacyNodeTokens(id), 0);
        }
        vm.assertLe(alice.balance - before, value - sent);
        vm.warp(start + 600 days);
        if (nodes.claimableLegacyNodeTokens(id) != 0) _claim(alice, id);
        vm.assertEq(alice.balance - before, value - sent);
    }
}
