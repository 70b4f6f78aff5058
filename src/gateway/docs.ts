import express, { type Router } from 'express';
import type { Gateway } from './gateway.ts';

export function docs(_gateway: Gateway): Router {
  return express.Router();
}
