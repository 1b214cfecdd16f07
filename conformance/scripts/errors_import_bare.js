//! A module by a bare name.
import _ from 'lodash';

export default function () {}
