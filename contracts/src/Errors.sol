// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A number is larger than what is stored of it.
error ValueOutOfRange(uint256 value, uint256 most);
/// @notice A role was given to 65,535 addresses.
error TooManyRoleMembers();
/// @notice Ownership is handed over in two steps and never given up.
error OwnershipCannotBeRenounced();
