// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TooManyRoleMembers} from "../Errors.sol";

/// @title The holders of one role
/// @notice Membership, list and count, and a number that an address keeps for ever, so that a vote is one bit.
library RoleSet {
    struct Member {
        // Position in `members` plus one; 0 while the address does not hold the role.
        uint32 position;
        // Given at the first grant, from 1 on, never given to another address.
        uint32 number;
    }

    struct Set {
        address[] members;
        mapping(address account => Member) byAddress;
        mapping(uint256 number => address) byNumber;
        uint32 numbersGiven;
    }

    /// @notice Whether `account` holds the role now.
    function has(Set storage set, address account) internal view returns (bool) {
        return set.byAddress[account].position != 0;
    }

    /// @notice Grants or takes the role; false when that is how it already was.
    function put(Set storage set, address account, bool allowed) internal returns (bool changed) {
        Member storage member = set.byAddress[account];
        if ((member.position != 0) == allowed) return false;
        if (allowed) {
            set.members.push(account);
            member.position = uint32(set.members.length);
            if (member.number == 0) {
                // Votes and divergent validators keep this number in 16 bits.
                require(set.numbersGiven < type(uint16).max, TooManyRoleMembers());
                member.number = ++set.numbersGiven;
                set.byNumber[member.number] = account;
            }
        } else {
            address last = set.members[set.members.length - 1];
            set.members[member.position - 1] = last;
            set.byAddress[last].position = member.position;
            set.members.pop();
            member.position = 0;
        }
        return true;
    }
}
