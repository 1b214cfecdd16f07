export interface Item { id: number; label?: string }
export type Describe = (item: Item) => string;

export const describe: Describe = (item: Item): string => `${item.id}:${item.label ?? 'none'}`;
