//! setup is no function.
export const setup = 5;

export default function () {}
