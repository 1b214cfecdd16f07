// `DOMException` of the Web IDL Standard.
(function () {
  'use strict';

  const CODES = [
    'IndexSizeError', '', 'HierarchyRequestError', 'WrongDocumentError', 'InvalidCharacterError', '', 'NoModificationAllowedError',
    'NotFoundError', 'NotSupportedError', 'InUseAttributeError', 'InvalidStateError', 'SyntaxError', 'InvalidModificationError',
    'NamespaceError', 'InvalidAccessError', '', 'TypeMismatchError', 'SecurityError', 'NetworkError', 'AbortError', 'URLMismatchError',
    'QuotaExceededError', 'TimeoutError', 'InvalidNodeTypeError', 'DataCloneError',
  ];

  class DOMException extends Error {
    #name;

    constructor(message = '', name = 'Error') {
      super(`${message}`);
      if (typeof name === 'object' && name !== null) {
        if ('cause' in name) Object.defineProperty(this, 'cause', { value: name.cause, writable: true, configurable: true });
        name = name.name === undefined ? 'Error' : name.name;
      }
      this.#name = `${name}`;
    }

    get name() { return this.#name; }
    get code() { return CODES.indexOf(this.#name) + 1; }
  }
  Object.defineProperty(DOMException.prototype, Symbol.toStringTag, { value: 'DOMException', configurable: true });
  return DOMException;
})
