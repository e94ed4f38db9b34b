// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataMarket} from "../src/interfaces/IDataMarket.sol";
import {Base} from "./Base.sol";
import {Money} from "./Money.sol";
import {Outsiders} from "./Outsiders.sol";
import {Votes} from "./Votes.sol";

/// @dev Campaigns of random calls. A call that does not end as the books foretell fails at once (`fail_on_revert`); what
/// must hold after every call is an invariant. That such calls reach what they are about is a test of its own, which makes
/// the same calls each time: forge draws others whenever it divides the work otherwise.
abstract contract Campaign is Base {
    /// @dev As many as a campaign makes.
    uint256 internal constant CALLS = 500;

    address internal immutable admin = _actor("market admin");
    address internal immutable holder = address(0x2000);
    Outsiders internal outsiders;

    function setUp() public virtual override {
        super.setUp();
        _grant(market, IDataMarket.Role.ADMIN, admin);
        // Node 1 is a legacy node without KYC; the holder's others are living, but for one.
        vm.startPrank(owner);
        nodes.configureLegacyNodes(1, 0, 0, 1 ether, 1, 0, 0, 0);
        nodes.adminMintLegacyNodes(holder, 1, false);
        nodes.setMintStartTime(block.timestamp);
        vm.stopPrank();
        vm.deal(holder, 3 ether);
        // The legacy node's value, which nobody paid in.
        vm.deal(address(nodes), 1 ether);
        vm.startPrank(holder);
        nodes.mintNode{value: 3 ether}(3);
        nodes.burnNode(2);
        vm.stopPrank();
        outsiders = new Outsiders(state, market, [owner, marketOwner, admin, manager, sequencer, v1, holder, stranger]);
    }
}

/// @dev Who may do what, once for every function: its role alone, which it is refused without.
contract RolesTest is Campaign {
    function setUp() public override {
        super.setUp();
        _submitOne("batch", _release(), "project", "cid");
        vm.startPrank(marketOwner);
        state.updateRewardPoolSize(address(market), 100);
        state.setRootOnlyBatches(address(market), true);
        vm.stopPrank();
        // Room for another legacy node, which keeps public ones waiting.
        vm.prank(owner);
        nodes.configureLegacyNodes(9, 0, 0, 1 ether, 1, 0, 0, 0);
    }

    function test_onlyItsRoleMayCallAFunction() public {
        for (uint256 i = 0; i < outsiders.ACTORS(); ++i) {
            for (uint256 part = 0; part < outsiders.PARTS(); ++part) {
                outsiders.trespass(Outsiders.Role(i), part);
            }
        }
    }

    /// @dev What others are refused above is refused for want of the role and of nothing else.
    function test_itsRoleMay() public {
        Outsiders.Row[] memory rows = outsiders.rows();
        for (uint256 i = 0; i < rows.length; ++i) {
            Outsiders.Role role = rows[i].role;
            if (role == Outsiders.Role.NOBODY) continue;
            uint256 before = vm.snapshotState();
            vm.prank(role == Outsiders.Role.STATE ? address(state) : outsiders.actors(uint256(role)));
            (bool ok,) = rows[i].target.call(rows[i].call);
            vm.assertTrue(ok, outsiders.name(rows[i]));
            vm.revertToState(before);
        }
    }
}

/// @dev Batches and votes.
contract VotesInvariantsTest is Campaign {
    Votes private votes;

    function setUp() public override {
        super.setUp();
        _setRole(market, IDataMarket.Role.VALIDATOR, v1, false);
        _setRole(market, IDataMarket.Role.VALIDATOR, v2, false);
        _setRole(market, IDataMarket.Role.VALIDATOR, v3, false);
        votes = new Votes(state, market, outsiders, Votes.Staff(marketOwner, manager, sequencer));
        for (uint8 i = 0; i < 3; ++i) {
            votes.setValidator(i, true);
        }
        votes.release(0);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(votes);
    }

    /// @dev Announced once, a snapshot has the CID and time of that announcement for ever after.
    function invariant_aFinalSnapshotNeverChanges() public view {
        // The older ones are looked at once, in the end.
        _checkSeals(votes.epochs() > 3 ? votes.epochs() - 2 : 1);
    }

    function _checkSeals(uint256 first) private view {
        for (uint256 epoch = first; epoch <= votes.epochs(); ++epoch) {
            for (uint256 i = 0; i < votes.PROJECTS(); ++i) {
                Votes.Seal memory seal = votes.seal(epoch, i);
                (uint8 status, string memory cid, uint256 time) = market.snapshotStatus(votes.project(i), epoch);
                vm.assertEq(status, seal.events);
                if (seal.events == 0) continue;
                vm.assertEq(cid, seal.cid);
                vm.assertEq(time, seal.time);
            }
        }
    }

    /// @dev The votes counted are those of different validators in time, and a final batch has a majority of votes or was
    /// completed by force.
    function invariant_aVoteCountsOnce() public view {
        for (uint256 name = 0; name < votes.NAMES(); ++name) {
            uint256 batch = votes.newest(name);
            string memory cid = votes.cidOf(name);
            uint256 counted = 0;
            uint256 most = 0;
            for (uint256 root = 1; root <= votes.ROOTS(); ++root) {
                uint256 count = market.attestationsReceivedCount(cid, bytes32(root));
                vm.assertEq(count, votes.votes(batch, root));
                counted += count;
                if (count > most) most = count;
            }
            uint256 voters = 0;
            for (uint256 i = 0; i < votes.VALIDATORS(); ++i) {
                bool voted = market.attestationsReceived(cid, votes.validator(i));
                vm.assertEq(voted, votes.voted(batch, i));
                if (voted) ++voters;
            }
            vm.assertLe(counted, voters);
            vm.assertEq(market.maxAttestationsCount(cid), most);
            vm.assertEq(market.batchCidAttestationStatus(cid), votes.batch(batch).isFinal);
        }
    }

    function afterInvariant() external view {
        _checkSeals(1);
    }

    function test_theCallsReachWhatTheyAreAbout() public {
        for (uint256 i = 0; i < CALLS; ++i) {
            _call(uint256(keccak256(abi.encode(i))));
        }
        _checkSeals(1);
        invariant_aVoteCountsOnce();
        Votes.Tally memory tally = votes.tally();
        vm.assertLt(0, tally.finals, "nothing became final");
        vm.assertLt(0, tally.refuted, "nothing was refuted");
        vm.assertLt(0, tally.divergent, "nobody diverged");
        vm.assertLt(0, tally.late, "no late vote");
        vm.assertLt(0, tally.ties, "no tie");
        vm.assertLt(0, tally.replaced, "nothing was sent again");
        vm.assertLt(0, tally.contested, "nothing became final after all");
        vm.assertLt(0, tally.forced, "nothing was completed by force");
        vm.assertLt(0, tally.rounds, "no round was opened");
        vm.assertLt(0, tally.removed, "no removed validator's vote mattered");
    }

    function _call(uint256 random) private {
        (uint8 a, uint8 b) = (uint8(random), uint8(random >> 8));
        (uint8 c, uint8 d) = (uint8(random >> 16), uint8(random >> 24));
        (uint64 cid, bool yes) = (uint64(random >> 32), random >> 96 & 1 == 1);
        uint256 which = (random >> 128) % 14;
        if (which == 0) votes.release(a);
        else if (which == 1) votes.pass(a);
        else if (which == 2) votes.setValidator(a, yes);
        else if (which == 3) votes.setMinimum(a);
        else if (which == 4) votes.end(a);
        else if (which == 5) votes.submit(a, b, c, cid, d);
        else if (which == 6) votes.vote(a, b, c, d);
        else if (which == 7) votes.agree(a, b, yes);
        else if (which == 8) votes.disagree(a);
        else if (which == 9) votes.force(a, b);
        else if (which == 10) votes.contest(a, cid, yes);
        else if (which == 11) votes.expire(a, cid);
        else if (which == 12) votes.leave(a, cid);
        else votes.trespass(a, b);
    }
}

/// @dev Nodes, rewards and payments.
contract MoneyInvariantsTest is Campaign {
    Money private money;

    function setUp() public override {
        super.setUp();
        // The first days are announced with something to share.
        vm.prank(marketOwner);
        state.updateRewardPoolSize(address(market), 1_000_003);
        money = new Money(state, market, outsiders, Money.Staff(owner, marketOwner, sequencer));
        uint256 most = money.NODES_MAX();
        vm.prank(owner);
        nodes.updateMaxSupply(most);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(money);
    }

    /// @dev Slots, users and payments agree with the books, and nobody is paid more than was credited.
    function invariant_rewardsAddUp() public view {
        uint256 credited = 0;
        for (uint256 id = 1; id <= money.count(); ++id) {
            uint256 points = money.node(id).points;
            vm.assertEq(state.slotRewards(id), points);
            vm.assertEq(market.slotRewardPoints(id), points);
            credited += points;
        }
        // Slot 0, and one that no node has.
        vm.assertEq(state.slotRewards(0) + state.slotRewards(money.count() + 1), 0);
        uint256 paid = 0;
        for (uint256 i = 0; i < money.HOLDERS(); ++i) {
            (uint256 total, uint256 claimed,,) = state.userInfo(money.holder(i));
            vm.assertEq(total, money.credited(i));
            vm.assertEq(claimed, money.claimed(i));
            vm.assertLe(claimed, total);
            credited -= total;
            paid += claimed;
        }
        vm.assertEq(credited, 0);
        (bool limited, uint256 left) = money.allowance();
        vm.assertEq(state.rewardsGranted(), limited ? left : 0);
        (bool isLimited, uint256 isLeft) = state.rewardAllowance(address(market));
        vm.assertEq(isLimited, limited);
        vm.assertEq(isLeft, left);
        vm.assertEq(address(state).balance, money.FUNDS() - paid);
    }

    /// @dev A day pays its pool at most, to as many slots as were announced at most, and to each one share.
    function invariant_aDayPaysAtMostItsPool() public view {
        // No call changes an older day.
        for (uint256 number = money.today() - 1; number <= money.today() + 2; ++number) {
            Money.Day memory day = money.day(number);
            vm.assertLe(day.paid, day.pool);
            vm.assertEq(market.eligibleNodesForDay(number), day.eligible);
            vm.assertEq(market.slotsRemainingToBeRewardedCount(number), day.remaining);
            uint256 rewarded = 0;
            for (uint256 id = 0; id <= money.count() + 1; ++id) {
                bool was = market.slotRewardsDistributedStatus(number, id);
                vm.assertEq(was, money.rewarded(number, id));
                if (was) ++rewarded;
            }
            vm.assertEq(rewarded, day.eligible - day.remaining);
        }
    }

    /// @dev A burned node has no token, no snapshotter and no place in any count, and the registry has the money for all
    /// that is still to be paid back.
    function invariant_aBurnedNodeStaysBurned() public view {
        uint256[2] memory living;
        uint256[4] memory working;
        uint256 owed = 0;
        for (uint256 id = 1; id <= money.count(); ++id) {
            Money.Node memory node = money.node(id);
            vm.assertEq(nodes.isNodeAvailable(id), !node.isBurned);
            vm.assertEq(nodes.isNodeBurned(id), node.isBurned);
            vm.assertEq(nodes.nodeIdToOwner(id), money.holder(node.holder));
            vm.assertEq(nodes.balanceOf(money.holder(node.holder), id), node.isBurned ? 0 : 1);
            vm.assertEq(nodes.nodeSnapshotterMapping(id), money.snapshotter(node.snapshotter));
            if (!node.isBurned) ++living[node.holder];
            ++working[node.snapshotter];
            if (!node.isRefunded) owed += node.price;
        }
        vm.assertEq(nodes.nodeCount(), money.count());
        vm.assertEq(nodes.totalSupply(), living[0] + living[1]);
        vm.assertEq(nodes.enabledNodeCount(), money.count() - working[0]);
        for (uint256 i = 1; i <= money.SNAPSHOTTERS(); ++i) {
            vm.assertEq(nodes.allSnapshotters(money.snapshotter(i)), working[i] != 0);
        }
        vm.assertEq(address(nodes).balance, owed);
        for (uint256 i = 0; i < 2; ++i) {
            _checkLists(money.holder(i), living[i]);
        }
    }

    /// @dev Each node is in one of its holder's lists, once.
    function _checkLists(address account, uint256 living) private view {
        uint256[] memory ids = nodes.getAllUserNodeIds(account);
        vm.assertEq(nodes.getNodesOwned(account), living);
        uint256 seen = 0;
        for (uint256 i = 0; i < ids.length; ++i) {
            vm.assertEq(nodes.nodeIdToOwner(ids[i]), account);
            vm.assertEq(nodes.isNodeBurned(ids[i]), i >= living);
            vm.assertEq(seen >> ids[i] & 1, 0);
            seen |= 1 << ids[i];
        }
    }

    function test_theCallsReachWhatTheyAreAbout() public {
        for (uint256 i = 0; i < CALLS; ++i) {
            _call(uint256(keccak256(abi.encode(i))));
        }
        invariant_rewardsAddUp();
        invariant_aDayPaysAtMostItsPool();
        invariant_aBurnedNodeStaysBurned();
        Money.Tally memory tally = money.tally();
        vm.assertLt(0, tally.rewarded, "no slot was rewarded");
        vm.assertLt(0, tally.claimed, "nobody claimed");
        vm.assertLt(0, tally.overAllowance, "no grant was used up");
        vm.assertLt(0, tally.burned, "no node was burned");
        vm.assertLt(0, tally.refunded, "no node was paid back");
    }

    function _call(uint256 random) private {
        (uint8 a, uint8 b) = (uint8(random), uint8(random >> 8));
        (uint8 c, uint8 d) = (uint8(random >> 16), uint8(random >> 24));
        uint64 amount = uint64(random >> 32);
        uint256 which = (random >> 128) % 11;
        if (which == 0) money.mint(a, b);
        else if (which == 1) money.burn(a, b);
        else if (which == 2) money.refund(a, b);
        else if (which == 3) money.assign(a, b, c);
        else if (which == 4) money.setPrice(a);
        else if (which == 5) money.setPool(amount);
        else if (which == 6) money.setDay(a);
        else if (which == 7) money.setAllowance(a, amount);
        else if (which == 8) money.reward(a, b, uint16(amount), c, d);
        else if (which == 9) money.claim(a);
        else money.trespass(a, b);
    }
}
