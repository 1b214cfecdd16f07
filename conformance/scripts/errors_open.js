//! open of what is not there.
const text = open('./data/missing.txt');

export default function () {}
