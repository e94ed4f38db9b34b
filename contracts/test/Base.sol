// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {PowerloomDataMarket} from "../src/DataMarket.sol";
import {DataMarketFactory} from "../src/DataMarketFactory.sol";
import {PowerloomNodes} from "../src/Nodes.sol";
import {PowerloomProtocolState} from "../src/ProtocolState.sol";
import {IDataMarket} from "../src/interfaces/IDataMarket.sol";
import {Vm} from "./Vm.sol";

/// @dev A network as a deployer leaves it: one market, three validators, windows of 10, 20 and 30 blocks.
abstract contract Base {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    address internal immutable owner = _actor("owner");
    address internal immutable marketOwner = _actor("market owner");
    address internal immutable manager = _actor("epoch manager");
    address internal immutable sequencer = _actor("sequencer");
    address internal immutable stranger = _actor("stranger");
    address internal immutable v1 = _actor("validator 1");
    address internal immutable v2 = _actor("validator 2");
    address internal immutable v3 = _actor("validator 3");

    bytes32 internal constant GOOD = keccak256("good root");
    bytes32 internal constant BAD = keccak256("bad root");
    bytes32 internal constant WORSE = keccak256("worse root");

    PowerloomNodes internal nodes;
    PowerloomProtocolState internal state;
    DataMarketFactory internal factory;
    PowerloomDataMarket internal market;

    function setUp() public virtual {
        vm.roll(1_000_000);
        vm.warp(1_700_000_000);
        nodes = PowerloomNodes(
            payable(address(
                    new ERC1967Proxy(
                        address(new PowerloomNodes()),
                        abi.encodeCall(PowerloomNodes.initialize, (owner, 1 ether, "Weft nodes"))
                    )
                ))
        );
        factory = new DataMarketFactory();
        state = PowerloomProtocolState(
            payable(address(
                    new ERC1967Proxy(
                        address(new PowerloomProtocolState()),
                        abi.encodeCall(PowerloomProtocolState.initialize, (owner, address(nodes), address(factory)))
                    )
                ))
        );
        market = _newMarket(10, 2_000_000, false);
        _equip(market);
    }

    function _newMarket(uint8 size, uint256 blockTime, bool blockIds) internal returns (PowerloomDataMarket) {
        vm.prank(owner);
        return PowerloomDataMarket(state.createDataMarket(marketOwner, size, 137, blockTime, blockIds));
    }

    function _equip(PowerloomDataMarket m) internal {
        vm.startPrank(marketOwner);
        state.updateSnapshotSubmissionWindow(address(m), 10);
        state.updateBatchSubmissionWindow(address(m), 20);
        state.updateAttestationSubmissionWindow(address(m), 30);
        state.updateEpochManager(address(m), manager);
        vm.stopPrank();
        _grant(m, IDataMarket.Role.SEQUENCER, sequencer);
        _grant(m, IDataMarket.Role.VALIDATOR, v1);
        _grant(m, IDataMarket.Role.VALIDATOR, v2);
        _grant(m, IDataMarket.Role.VALIDATOR, v3);
    }

    function _setRole(PowerloomDataMarket m, IDataMarket.Role role, address account, bool allowed) internal {
        address[] memory accounts = new address[](1);
        bool[] memory states = new bool[](1);
        (accounts[0], states[0]) = (account, allowed);
        vm.prank(marketOwner);
        state.updateAddresses(address(m), role, accounts, states);
    }

    function _grant(PowerloomDataMarket m, IDataMarket.Role role, address account) internal {
        _setRole(m, role, account, true);
    }

    /// @dev Releases the next epoch of ten blocks and answers with its id.
    function _release() internal returns (uint256 epochId) {
        (, uint256 end,) = market.currentEpoch();
        vm.prank(manager);
        state.releaseEpoch(address(market), end + 1, end + 10);
        (,, epochId) = market.currentEpoch();
    }

    function _submit(string memory batchCid, uint256 epochId, string[] memory projects, string[] memory cids) internal {
        vm.prank(sequencer);
        state.submitSubmissionBatch(address(market), batchCid, epochId, projects, cids, GOOD);
    }

    /// @dev A batch with one project.
    function _submitOne(string memory batchCid, uint256 epochId, string memory project, string memory cid) internal {
        _submit(batchCid, epochId, _list(project), _list(cid));
    }

    function _vote(address validator, string memory batchCid, uint256 epochId, bytes32 root) internal {
        vm.prank(validator);
        state.submitBatchAttestation(address(market), batchCid, epochId, root);
    }

    function _status(string memory project, uint256 epochId) internal view returns (uint8 status) {
        (status,,) = state.snapshotStatus(address(market), project, epochId);
    }

    function _cid(string memory project, uint256 epochId) internal view returns (string memory cid) {
        (, cid,) = state.snapshotStatus(address(market), project, epochId);
    }

    /// @dev The next call must fail with this reason.
    function _refuses(string memory reason) internal {
        vm.expectRevert(abi.encodeWithSignature("Error(string)", reason));
    }

    /// @dev The next call must fail with this custom error and these arguments.
    function _refusesWith(bytes memory error) internal {
        vm.expectRevert(error);
    }

    function _refusesStranger(address account) internal {
        vm.expectRevert(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", account));
    }

    function _list(string memory a) internal pure returns (string[] memory list) {
        list = new string[](1);
        list[0] = a;
    }

    function _list(string memory a, string memory b) internal pure returns (string[] memory list) {
        list = new string[](2);
        (list[0], list[1]) = (a, b);
    }

    function _list(uint256 a) internal pure returns (uint256[] memory list) {
        list = new uint256[](1);
        list[0] = a;
    }

    function _list(uint256 a, uint256 b) internal pure returns (uint256[] memory list) {
        list = new uint256[](2);
        (list[0], list[1]) = (a, b);
    }

    function _actor(string memory name) internal pure returns (address) {
        return vm.addr(uint256(keccak256(bytes(name))));
    }

    /// @dev How many of the recorded logs have this first topic and come from this address.
    function _count(Vm.Log[] memory logs, address emitter, bytes32 topic) internal pure returns (uint256 count) {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter == emitter && logs[i].topics[0] == topic) ++count;
        }
    }
}
