// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PowerloomDataMarket} from "../src/DataMarket.sol";
import {PowerloomNodes} from "../src/Nodes.sol";
import {PowerloomProtocolState} from "../src/ProtocolState.sol";
import {Outsiders} from "./Outsiders.sol";
import {Vm} from "./Vm.sol";

/// @dev Node holders, a sequencer that reports counts, and the owners, in any order, with books of their own: each call
/// is foretold from the books, then made, and has to end as foretold.
contract Money {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    struct Staff {
        address owner;
        address marketOwner;
        address sequencer;
    }

    struct Node {
        uint256 holder;
        uint256 price;
        uint256 snapshotter;
        uint256 points;
        bool isBurned;
        bool isRefunded;
    }

    /// @dev `pool` and `share` are those when the first slot was paid anything.
    struct Day {
        uint256 pool;
        uint256 share;
        uint256 eligible;
        uint256 remaining;
        uint256 paid;
    }

    /// @dev What happened, so that a campaign in which nothing happens is seen.
    struct Tally {
        uint256 rewarded;
        uint256 unpaid;
        uint256 claimed;
        uint256 burned;
        uint256 refunded;
        uint256 overAllowance;
    }

    uint256 public constant HOLDERS = 2;
    /// @dev What rewards are paid from; more than can be credited.
    uint256 public constant FUNDS = 1e30;
    uint256 public constant NODES_MAX = 14;
    uint256 public constant SNAPSHOTTERS = 3;
    uint256 private constant QUOTA = 1000;

    PowerloomProtocolState private immutable state;
    PowerloomDataMarket private immutable market;
    PowerloomNodes private immutable nodes;
    Outsiders private immutable outsiders;
    Staff private staff;

    // From 1 on, as their ids.
    Node[] private all;
    mapping(uint256 day => Day) private days_;
    mapping(uint256 day => mapping(uint256 id => bool)) private isRewarded;
    uint256[HOLDERS] public credited;
    uint256[HOLDERS] public claimed;
    uint256 public today = 1;
    uint256 private pool;
    uint256 private price = 1 ether;
    // A new market has no grant.
    bool private limited = true;
    uint256 private left;
    Tally private tally_;

    constructor(PowerloomProtocolState state_, PowerloomDataMarket market_, Outsiders outsiders_, Staff memory staff_) {
        (state, market, outsiders, staff) = (state_, market_, outsiders_, staff_);
        nodes = PowerloomNodes(payable(state_.snapshotterState()));
        vm.deal(address(state_), FUNDS);
        pool = market_.rewardPoolSize();
        all.push();
        // What `Campaign` left.
        for (uint256 id = 1; id <= nodes.nodeCount(); ++id) {
            all.push(Node(0, 1 ether, 0, 0, nodes.isNodeBurned(id), false));
        }
    }

    function tally() external view returns (Tally memory) {
        return tally_;
    }

    function count() external view returns (uint256) {
        return all.length - 1;
    }

    function node(uint256 id) external view returns (Node memory) {
        return all[id];
    }

    function day(uint256 number) external view returns (Day memory) {
        return days_[number];
    }

    /// @dev Whether what the market's credits are paid from is limited, and what is left of it.
    function allowance() external view returns (bool, uint256) {
        return (limited, left);
    }

    function rewarded(uint256 number, uint256 id) external view returns (bool) {
        return isRewarded[number][id];
    }

    function holder(uint256 i) public pure returns (address) {
        return address(uint160(0x2000 + i));
    }

    function snapshotter(uint256 i) public pure returns (address) {
        return i == 0 ? address(0) : address(uint160(0x3000 + i));
    }

    // ------------------------------------------------------------ what anyone may do

    function mint(uint8 who, uint8 amount) external {
        (uint256 h, uint256 n) = (who % HOLDERS, amount % 3);
        bool allowed = n != 0 && all.length - 1 + n <= NODES_MAX;
        // What is sent above the price comes back.
        uint256 before = n * price + amount;
        vm.deal(holder(h), before);
        vm.prank(holder(h));
        (bool ok,) = address(nodes).call{value: before}(abi.encodeCall(nodes.mintNode, (n)));
        vm.assertEq(ok, allowed, "mint");
        if (!ok) return;
        vm.assertEq(holder(h).balance, amount, "change");
        for (uint256 i = 0; i < n; ++i) {
            all.push(Node(h, price, 0, 0, false, false));
        }
    }

    function burn(uint8 who, uint8 which) external {
        // Seldom, or everything would be burned soon.
        if (which % 3 != 0) return;
        uint256 id = _id(which / 3);
        uint256 h = _who(who, id);
        bool allowed = _isNode(id) && all[id].holder == h && !all[id].isBurned;
        vm.prank(holder(h));
        (bool ok,) = address(nodes).call(abi.encodeCall(nodes.burnNode, (id)));
        vm.assertEq(ok, allowed, "burn");
        if (!ok) return;
        (all[id].isBurned, all[id].snapshotter) = (true, 0);
        ++tally_.burned;
    }

    function refund(uint8 who, uint8 which) external {
        uint256 id = _id(which);
        uint256 h = _who(who, id);
        bool allowed = _isNode(id) && all[id].holder == h && all[id].isBurned && !all[id].isRefunded;
        uint256 before = holder(h).balance;
        vm.prank(holder(h));
        (bool ok,) = address(nodes).call(abi.encodeCall(nodes.claimNodeTokens, (id)));
        vm.assertEq(ok, allowed, "refund");
        vm.assertEq(holder(h).balance - before, ok ? all[id].price : 0, "refunded");
        if (!ok) return;
        all[id].isRefunded = true;
        ++tally_.refunded;
    }

    function assign(uint8 who, uint8 which, uint8 to) external {
        (uint256 id, uint256 s) = (_id(which), to % (SNAPSHOTTERS + 1));
        uint256 h = _who(who, id);
        bool allowed = _isNode(id) && all[id].holder == h && !all[id].isBurned && s != 0 && all[id].snapshotter != s;
        vm.prank(holder(h));
        (bool ok,) = address(nodes).call(abi.encodeCall(nodes.assignSnapshotterToNode, (id, snapshotter(s))));
        vm.assertEq(ok, allowed, "assign");
        if (ok) all[id].snapshotter = s;
    }

    function setPrice(uint8 newPrice) external {
        price = uint256(newPrice) + 1;
        vm.prank(staff.owner);
        nodes.updateNodePrice(price);
    }

    function setPool(uint64 newPool) external {
        pool = newPool;
        vm.prank(staff.marketOwner);
        state.updateRewardPoolSize(address(market), pool);
    }

    /// @dev Mostly the next day; a day may come back, which pays nothing twice.
    function setDay(uint8 seed) external {
        today = seed % 4 != 3 ? today + 1 : today - (today > 2 ? seed / 4 % 3 : 0);
        vm.prank(staff.marketOwner);
        state.loadCurrentDay(address(market), today);
    }

    function setAllowance(uint8 seed, uint64 amount) external {
        (limited, left) = (seed % 4 != 3, amount);
        vm.prank(staff.owner);
        state.setRewardAllowance(address(market), limited, uint128(left));
    }

    /// @dev Two slots, which may be one.
    function reward(uint8 first, uint8 second, uint16 snapshots, uint8 back, uint8 eligible) external {
        uint256[] memory slots = new uint256[](2);
        uint256[] memory counts = new uint256[](2);
        // Slot 0 and slots without a node are skipped.
        (slots[0], slots[1]) = (first % all.length, second % (all.length + 1));
        (counts[0], counts[1]) = (QUOTA - 1 + snapshots % 4, QUOTA + snapshots % 2);
        uint256 on = back % 4 == 3 ? uint256(back) / 4 % (today + 2) : today;
        _reward(slots, counts, on, eligible % 5);
    }

    function claim(uint8 who) external {
        uint256 h = who % HOLDERS;
        uint256 due = credited[h] - claimed[h];
        if (limited && due > left) {
            due = left;
            ++tally_.overAllowance;
        }
        uint256 before = holder(h).balance;
        (bool ok,) = address(state).call(abi.encodeCall(state.claimRewards, (holder(h))));
        vm.assertEq(ok, due != 0, "claim");
        vm.assertEq(holder(h).balance - before, due, "claimed");
        if (!ok) return;
        claimed[h] += due;
        if (limited) left -= due;
        ++tally_.claimed;
    }

    function trespass(uint8 who, uint8 part) external {
        outsiders.trespass(Outsiders.Role(who % outsiders.ACTORS()), part % outsiders.PARTS());
    }

    // ------------------------------------------------------------ the books

    /// @dev Also an id that was not minted.
    function _id(uint256 seed) private view returns (uint256) {
        return 1 + seed % all.length;
    }

    /// @dev Mostly the holder of the node.
    function _who(uint256 seed, uint256 id) private view returns (uint256) {
        return seed % 4 == 3 || !_isNode(id) ? seed % HOLDERS : all[id].holder;
    }

    function _isNode(uint256 id) private view returns (bool) {
        return id != 0 && id < all.length;
    }

    function _reward(uint256[] memory slots, uint256[] memory counts, uint256 on, uint256 eligible) private {
        (bool allowed, bool[2] memory pays, Day memory after_, uint256 share) = _foretell(slots, counts, on, eligible);
        vm.prank(staff.sequencer);
        (bool ok,) =
            address(state).call(abi.encodeCall(state.updateRewards, (address(market), slots, counts, on, eligible)));
        vm.assertEq(ok, allowed, "reward");
        if (!ok) return;
        days_[on] = after_;
        for (uint256 i = 0; i < 2; ++i) {
            if (!pays[i]) continue;
            isRewarded[on][slots[i]] = true;
            all[slots[i]].points += share;
            credited[all[slots[i]].holder] += share;
            days_[on].paid += share;
            ++tally_.rewarded;
        }
    }

    /// @dev What a slot is paid now: as those before it, or what the pool gives.
    function _share(Day memory on) private view returns (uint256) {
        if (on.share != 0 || on.eligible == 0) return on.share;
        return pool / on.eligible;
    }

    /// @dev Whether the call is accepted, which of the slots it pays, and the day afterwards.
    function _foretell(uint256[] memory slots, uint256[] memory counts, uint256 on, uint256 eligible)
        private
        returns (bool, bool[2] memory pays, Day memory then, uint256 share)
    {
        then = days_[on];
        if (on != today && on + 1 != today) return (false, pays, then, 0);
        if (eligible != 0 && then.eligible == 0) {
            (then.eligible, then.remaining) = (eligible, eligible);
        }
        if (eligible != 0 && then.remaining == 0) return (false, pays, then, 0);
        share = _share(then);
        for (uint256 i = 0; i < 2; ++i) {
            if (!_isNode(slots[i]) || all[slots[i]].isBurned) continue;
            bool again = i == 1 && pays[0] && slots[0] == slots[1];
            if (again || isRewarded[on][slots[i]]) return (false, pays, then, share);
            if (counts[i] < QUOTA) continue;
            if (then.remaining == 0) {
                ++tally_.unpaid;
                continue;
            }
            pays[i] = true;
            --then.remaining;
            if (then.share == 0) (then.pool, then.share) = (pool, share);
        }
        return (true, pays, then, share);
    }
}
