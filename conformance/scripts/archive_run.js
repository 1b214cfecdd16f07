//! An archive that k6 2.2 made: its options, its environment, what it opens and requires.
//! file: data/k6-2.2.tar
//! order: any
//! case plain: -u 1
//! case env: -u 1 -e WHO=you -e HOME_X=1
//! case flags: -u 1 -i 1 --tag b=c
//! case type: --type archive -u 1
