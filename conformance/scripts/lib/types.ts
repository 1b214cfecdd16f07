export interface Reply { status: number }
