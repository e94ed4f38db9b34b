// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DataMarketFactory} from "../src/DataMarketFactory.sol";
import {PowerloomDataMarket} from "../src/DataMarket.sol";
import {PowerloomNodes} from "../src/Nodes.sol";
import {PowerloomProtocolState} from "../src/ProtocolState.sol";
import {IDataMarket} from "../src/interfaces/IDataMarket.sol";
import {Vm} from "./Vm.sol";

/// @dev Every function that changes state, with arguments that its role may use, and everybody who must be refused.
/// Left out are those open to all: `mintNode`, `setApprovalForAll`, `claimRewards`, `adoptDesk` with the right desk, ether.
contract Outsiders {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    /// @dev Where an ERC-1967 proxy keeps the address of its code.
    bytes32 private constant CODE = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;

    enum Role {
        OWNER,
        MARKET_OWNER,
        MARKET_ADMIN,
        MANAGER,
        SEQUENCER,
        VALIDATOR,
        HOLDER,
        STRANGER,
        STATE,
        NOBODY
    }

    struct Row {
        address target;
        Role role;
        bytes call;
    }

    /// @dev Roles that somebody holds who is not a contract of the network.
    uint256 public constant ACTORS = 8;
    uint256 public constant PARTS = 12;

    PowerloomProtocolState private immutable state;
    PowerloomDataMarket private immutable market;
    PowerloomNodes private immutable nodes;
    DataMarketFactory private immutable factory;
    address[ACTORS] public actors;
    // Emptied before each use.
    Row[] private list;

    constructor(PowerloomProtocolState state_, PowerloomDataMarket market_, address[ACTORS] memory actors_) {
        (state, market, actors) = (state_, market_, actors_);
        nodes = PowerloomNodes(payable(state_.snapshotterState()));
        factory = DataMarketFactory(state_.dataMarketFactory());
    }

    function isAllowed(Role who, Role role) public pure returns (bool) {
        return who == role || (role == Role.MARKET_ADMIN && who == Role.MARKET_OWNER);
    }

    /// @dev One actor tries everything in a part that is not its business.
    function trespass(Role who, uint256 part) public {
        delete list;
        _fill(part);
        for (uint256 i = 0; i < list.length; ++i) {
            Row memory row = list[i];
            if (isAllowed(who, row.role)) continue;
            vm.prank(actors[uint256(who)]);
            (bool ok,) = row.target.call(row.call);
            // What is refused changes nothing: the EVM undoes it.
            if (ok) vm.assertTrue(false, string.concat("done by ", vm.toString(uint256(who)), ": ", name(row)));
        }
    }

    /// @dev Contract and selector, for a message.
    function name(Row memory row) public view returns (string memory) {
        address t = row.target;
        string memory where = t == address(state)
            ? "state"
            : t == address(market)
                ? "market"
                : t == address(nodes) ? "nodes" : t == address(factory) ? "factory" : "code";
        return string.concat(where, " ", vm.toString(abi.encodePacked(bytes4(row.call))));
    }

    function rows() external returns (Row[] memory) {
        delete list;
        for (uint256 part = 0; part < PARTS; ++part) {
            _fill(part);
        }
        return list;
    }

    function _fill(uint256 part) private {
        if (part == 0) _protocol();
        if (part == 1) _settings();
        if (part == 2) _epochs();
        if (part == 3) _rewards();
        if (part == 4) _twinSettings(address(market), Role.STATE);
        if (part == 5) _twinSettings(state.marketDesk(), Role.NOBODY);
        if (part == 6) _twinEpochs();
        if (part == 6) _twinVotes(address(market), Role.STATE);
        if (part == 7) _twinRewards(address(market), Role.STATE);
        if (part == 8) _twinRewards(state.marketDesk(), Role.NOBODY);
        if (part == 8) _twinVotes(state.marketDesk(), Role.NOBODY);
        if (part == 9) _market();
        if (part == 10) _registry();
        if (part == 11) _nodes();
    }

    function _add(address target, Role role, bytes memory call) private {
        list.push(Row(target, role, call));
    }

    function _add(Role role, bytes memory call) private {
        _add(address(state), role, call);
    }

    function _code(address proxy) private view returns (address) {
        return address(uint160(uint256(vm.load(proxy, CODE))));
    }

    function _nobody() private view returns (address) {
        return actors[uint256(Role.STRANGER)];
    }

    // ------------------------------------------------------------ arguments

    function _accounts() private view returns (address[] memory accounts) {
        accounts = new address[](1);
        accounts[0] = _nobody();
    }

    function _yes() private pure returns (bool[] memory yes) {
        yes = new bool[](1);
        yes[0] = true;
    }

    function _one(uint256 a) private pure returns (uint256[] memory one) {
        one = new uint256[](1);
        one[0] = a;
    }

    function _text() private pure returns (string[] memory text) {
        text = new string[](1);
        text[0] = "somebody else's";
    }

    /// @dev The next epoch's first block.
    function _next() private view returns (uint256) {
        (, uint256 end,) = market.currentEpoch();
        return end + 1;
    }

    function _epoch() private view returns (uint256 epochId) {
        (,, epochId) = market.currentEpoch();
    }

    /// @dev The newest batch of the newest epoch.
    function _batch() private view returns (string memory) {
        string[] memory cids = market.getEpochIdToBatchCids(_epoch());
        return cids.length == 0 ? "none" : cids[cids.length - 1];
    }

    function _rootBatches() private pure returns (IDataMarket.RootBatch[] memory batches) {
        batches = new IDataMarket.RootBatch[](1);
        batches[0] = IDataMarket.RootBatch("root only", bytes32(uint256(1)), bytes32(uint256(1)));
    }

    /// @dev A living node of the holder's, or a burned one.
    function _node(bool living) private view returns (uint256) {
        address holder = actors[uint256(Role.HOLDER)];
        uint256[] memory ids = living ? nodes.getUserOwnedNodeIds(holder) : nodes.getUserBurnedNodeIds(holder);
        return ids.length == 0 ? 1 : ids[ids.length - 1];
    }

    // ------------------------------------------------------------ through the protocol state

    function _protocol() private {
        address m = address(market);
        _add(Role.OWNER, abi.encodeCall(state.createDataMarket, (_nobody(), 10, 1, 2_000_000, false)));
        _add(Role.OWNER, abi.encodeCall(state.toggleDataMarket, (m, false)));
        _add(Role.OWNER, abi.encodeCall(state.updateDataMarketFactory, (_nobody())));
        _add(Role.OWNER, abi.encodeCall(state.updateSnapshotterState, (_nobody())));
        _add(Role.OWNER, abi.encodeCall(state.emergencyWithdraw, ()));
        _add(Role.OWNER, abi.encodeCall(state.setRewardAllowance, (m, false, 7)));
        _add(Role.OWNER, abi.encodeCall(state.setMarketCodeRestricted, (true)));
        _add(Role.OWNER, abi.encodeCall(state.setMarketCodeAllowed, (_nobody(), true)));
        _add(Role.OWNER, abi.encodeCall(state.transferOwnership, (_nobody())));
        _add(Role.OWNER, abi.encodeCall(state.upgradeToAndCall, (_code(address(state)), "")));
        _add(Role.NOBODY, abi.encodeCall(state.renounceOwnership, ()));
        _add(Role.NOBODY, abi.encodeCall(state.acceptOwnership, ()));
        _add(Role.NOBODY, abi.encodeCall(state.initialize, (_nobody(), address(nodes), address(factory))));
    }

    function _settings() private {
        address m = address(market);
        Role r = Role.MARKET_OWNER;
        _add(r, abi.encodeCall(state.updateAddresses, (m, IDataMarket.Role.VALIDATOR, _accounts(), _yes())));
        _add(r, abi.encodeCall(state.updateAddresses, (m, IDataMarket.Role.SEQUENCER, _accounts(), _yes())));
        _add(r, abi.encodeCall(state.updateAddresses, (m, IDataMarket.Role.ADMIN, _accounts(), _yes())));
        // An empty list goes another way through the protocol state.
        _add(r, abi.encodeCall(state.updateAddresses, (m, IDataMarket.Role.ADMIN, new address[](0), new bool[](0))));
        _add(r, abi.encodeCall(state.updateMinAttestationsForConsensus, (m, 1)));
        _add(r, abi.encodeCall(state.updateSnapshotSubmissionWindow, (m, 1)));
        _add(r, abi.encodeCall(state.updateBatchSubmissionWindow, (m, 19)));
        _add(r, abi.encodeCall(state.updateAttestationSubmissionWindow, (m, 31)));
        _add(r, abi.encodeCall(state.updateDailySnapshotQuota, (m, 1)));
        _add(r, abi.encodeCall(state.updateRewardPoolSize, (m, 7)));
        _add(r, abi.encodeCall(state.updateEpochManager, (m, _nobody())));
        _add(r, abi.encodeCall(state.toggleRewards, (m)));
        _add(r, abi.encodeCall(state.setRootOnlyBatches, (m, true)));
        _add(r, abi.encodeCall(state.loadCurrentDay, (m, 7)));
        _add(r, abi.encodeCall(state.loadSlotSubmissions, (m, 1, 1, 7)));
        _add(Role.MARKET_ADMIN, abi.encodeCall(state.setSequencerId, (m, "x")));
        _add(Role.MARKET_ADMIN, abi.encodeCall(state.setMarketManifest, (m, "x", _epoch() + 1)));
    }

    function _epochs() private {
        (address m, uint256 n, uint256 e) = (address(market), _next(), _epoch());
        bytes32 root = bytes32(uint256(1));
        _add(Role.MANAGER, abi.encodeCall(state.releaseEpoch, (m, n, n + 9)));
        _add(Role.MARKET_OWNER, abi.encodeCall(state.forceSkipEpoch, (m, n + 10, n + 19)));
        _add(Role.SEQUENCER, abi.encodeCall(state.submitSubmissionBatch, (m, "thief's", e, _text(), _text(), root)));
        _add(Role.SEQUENCER, abi.encodeCall(state.submitRootOnlyBatches, (m, e, _rootBatches())));
        _add(Role.SEQUENCER, abi.encodeCall(state.endBatchSubmissions, (m, e)));
        _add(Role.VALIDATOR, abi.encodeCall(state.submitBatchAttestation, (m, _batch(), e, root)));
        bytes31 content = market.batchCidContentHash(_batch(), e);
        _add(Role.VALIDATOR, abi.encodeCall(state.submitContentAttestation, (m, _batch(), e, root, content)));
        _add(Role.MARKET_OWNER, abi.encodeCall(state.forceCompleteConsensusAttestations, (m, _batch(), e)));
    }

    function _rewards() private {
        uint256[] memory slots = _one(_node(true));
        _add(
            Role.SEQUENCER,
            abi.encodeCall(state.updateRewards, (address(market), slots, _one(1000), market.dayCounter(), 9))
        );
    }

    // ------------------------------------------------------------ past it, with the right sender named

    function _twinSettings(address m, Role r) private {
        address o = market.owner();
        _add(m, r, abi.encodeCall(market.updateAddresses, (IDataMarket.Role.VALIDATOR, _accounts(), _yes(), o)));
        _add(m, r, abi.encodeCall(market.setSequencerId, ("x", o)));
        _add(m, r, abi.encodeCall(market.setMarketManifest, ("x", _epoch() + 1, o)));
        _add(m, r, abi.encodeCall(market.updateMinAttestationsForConsensus, (1, o)));
        _add(m, r, abi.encodeCall(market.updateSnapshotSubmissionWindow, (1, o)));
        _add(m, r, abi.encodeCall(market.updateBatchSubmissionWindow, (19, o)));
        _add(m, r, abi.encodeCall(market.updateAttestationSubmissionWindow, (31, o)));
        _add(m, r, abi.encodeCall(market.updateDailySnapshotQuota, (1, o)));
        _add(m, r, abi.encodeCall(market.updateRewardPoolSize, (7, o)));
        _add(m, r, abi.encodeCall(market.updateEpochManager, (_nobody(), o)));
        _add(m, r, abi.encodeCall(market.toggleRewards, (o)));
        _add(m, r, abi.encodeCall(market.setRootOnlyBatches, (true, o)));
        _add(m, r, abi.encodeCall(market.loadCurrentDay, (7, o)));
        _add(m, r, abi.encodeCall(market.loadSlotSubmissions, (1, 1, 7, o)));
        _add(m, r, abi.encodeCall(market.forceSkipEpoch, (_next() + 10, _next() + 19, o)));
    }

    function _twinEpochs() private {
        (address m, uint256 n, uint256 e) = (address(market), _next(), _epoch());
        address sequencer = actors[uint256(Role.SEQUENCER)];
        (Role r, bytes32 root) = (Role.STATE, bytes32(uint256(1)));
        _add(m, r, abi.encodeCall(market.releaseEpoch, (n, n + 9, actors[uint256(Role.MANAGER)])));
        _add(m, r, abi.encodeCall(market.submitSubmissionBatch, ("thief's", e, _text(), _text(), root, sequencer)));
        _add(m, r, abi.encodeCall(market.submitRootOnlyBatches, (e, _rootBatches(), sequencer)));
        _add(m, r, abi.encodeCall(market.endBatchSubmissions, (e, sequencer)));
    }

    function _twinVotes(address m, Role r) private {
        (uint256 e, bytes32 root) = (_epoch(), bytes32(uint256(1)));
        (address owner, address validator) = (market.owner(), actors[uint256(Role.VALIDATOR)]);
        bytes31 content = market.batchCidContentHash(_batch(), e);
        _add(m, r, abi.encodeCall(market.submitBatchAttestation, (_batch(), e, root, validator)));
        _add(m, r, abi.encodeCall(market.attestContent, (_batch(), e, root, content, validator)));
        _add(m, r, abi.encodeCall(market.attest, (_batch(), e, root, validator)));
        _add(m, r, abi.encodeCall(market.forceCompleteConsensusAttestations, (_batch(), e, owner)));
        _add(m, r, abi.encodeCall(market.forceComplete, (_batch(), e, owner)));
    }

    function _twinRewards(address m, Role r) private {
        (address s, uint256 today) = (actors[uint256(Role.SEQUENCER)], market.dayCounter());
        uint256[] memory slots = _one(_node(true));
        _add(m, r, abi.encodeCall(market.updateEligibleNodesForDay, (today, 9, s)));
        _add(m, r, abi.encodeCall(market.updateRewards, (_node(true), 1000, today, s)));
        _add(m, r, abi.encodeCall(market.rewardSlots, (slots, _one(1000), new address[](1), today, 9, s)));
    }

    function _market() private {
        bytes memory setUp_ = abi.encodeCall(market.initialize, (_nobody(), 10, 1, 1, false, address(state)));
        _add(address(market), Role.MARKET_OWNER, abi.encodeCall(market.upgradeToAndCall, (_code(address(market)), "")));
        _add(address(market), Role.MARKET_OWNER, abi.encodeCall(market.transferOwnership, (_nobody())));
        _add(address(market), Role.MARKET_OWNER, abi.encodeCall(market.renounceOwnership, ()));
        _add(address(market), Role.NOBODY, setUp_);
        _add(address(market), Role.NOBODY, abi.encodeCall(market.adoptDesk, (address(this))));
        _add(state.marketDesk(), Role.NOBODY, setUp_);
        _add(state.marketDesk(), Role.NOBODY, abi.encodeCall(market.transferOwnership, (_nobody())));
        _add(state.marketDesk(), Role.NOBODY, abi.encodeCall(market.renounceOwnership, ()));
        _add(_code(address(market)), Role.NOBODY, setUp_);
        _add(_code(address(state)), Role.NOBODY, abi.encodeCall(state.initialize, (_nobody(), _nobody(), _nobody())));
        _add(_code(address(nodes)), Role.NOBODY, abi.encodeCall(nodes.initialize, (_nobody(), 1, "")));
        _add(
            address(factory),
            Role.STATE,
            abi.encodeCall(factory.createDataMarket, (_nobody(), 10, 1, 2_000_000, false, address(state)))
        );
    }

    // ------------------------------------------------------------ the node registry

    function _registry() private {
        (address n, Role r) = (address(nodes), Role.OWNER);
        _add(n, r, abi.encodeCall(nodes.setMintStartTime, (1)));
        _add(n, r, abi.encodeCall(nodes.setSnapshotterAddressChangeCooldown, (1)));
        _add(n, r, abi.encodeCall(nodes.setSnapshotterTokenClaimCooldown, (1)));
        _add(n, r, abi.encodeCall(nodes.updateNodePrice, (1)));
        _add(n, r, abi.encodeCall(nodes.updateMaxSupply, (1000)));
        _add(n, r, abi.encodeCall(nodes.configureLegacyNodes, (99, 1, 1, 2, 2, 1, 1, 1)));
        _add(n, r, abi.encodeCall(nodes.setURI, ("x")));
        _add(n, r, abi.encodeCall(nodes.setName, ("x")));
        _add(n, r, abi.encodeCall(nodes.updateAdmins, (_accounts(), _yes())));
        _add(n, r, abi.encodeCall(nodes.pause, ()));
        _add(n, r, abi.encodeCall(nodes.emergencyWithdraw, ()));
        _add(n, r, abi.encodeCall(nodes.transferOwnership, (_nobody())));
        _add(n, r, abi.encodeCall(nodes.upgradeToAndCall, (_code(n), "")));
        _add(n, r, abi.encodeCall(nodes.assignSnapshotterToNodeAdmin, (_node(true), _nobody())));
        _add(n, r, abi.encodeCall(nodes.assignSnapshotterToNodeBulkAdmin, (_one(_node(true)), _accounts())));
        // Node 1 is a legacy node without KYC, and one more may be minted.
        _add(n, r, abi.encodeCall(nodes.completeKyc, (1)));
        _add(n, r, abi.encodeCall(nodes.adminMintLegacyNodes, (_nobody(), 1, true)));
        _add(n, Role.NOBODY, abi.encodeCall(nodes.unpause, ()));
        _add(n, Role.NOBODY, abi.encodeCall(nodes.renounceOwnership, ()));
        _add(n, Role.NOBODY, abi.encodeCall(nodes.acceptOwnership, ()));
        _add(n, Role.NOBODY, abi.encodeCall(nodes.initialize, (_nobody(), 1, "")));
    }

    function _nodes() private {
        (address n, Role r) = (address(nodes), Role.HOLDER);
        uint256 id = _node(true);
        address holder = actors[uint256(Role.HOLDER)];
        _add(n, r, abi.encodeCall(nodes.burnNode, (id)));
        _add(n, r, abi.encodeCall(nodes.claimNodeTokens, (_node(false))));
        _add(n, r, abi.encodeCall(nodes.assignSnapshotterToNode, (id, _nobody())));
        _add(n, r, abi.encodeCall(nodes.assignSnapshotterToNodeBulk, (_one(id), _accounts())));
        _add(n, Role.NOBODY, abi.encodeCall(nodes.safeTransferFrom, (holder, _nobody(), id, 1, "")));
        _add(n, Role.NOBODY, abi.encodeCall(nodes.safeBatchTransferFrom, (holder, _nobody(), _one(id), _one(1), "")));
    }
}
