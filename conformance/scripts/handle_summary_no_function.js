//! A handleSummary that is none.
export const handleSummary = 'text';

export default function () {}
